select
    index as lock_id,
    is_locked = 1 as is_locked
from {{ source('pix', 'knex_migrations_lock') }}
