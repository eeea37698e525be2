select
    id as pix_role_id,
    name::text as pix_role_name
from {{ source('pix', 'pix_roles') }}
