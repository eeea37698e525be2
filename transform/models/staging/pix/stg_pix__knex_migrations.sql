select
    id as migration_id,
    name::text as migration_name,
    batch,
    migration_time as migrated_at
from {{ source('pix', 'knex_migrations') }}
