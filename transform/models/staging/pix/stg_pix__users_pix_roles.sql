select
    id as user_pix_role_id,
    user_id,
    pix_role_id
from {{ source('pix', 'users_pix_roles') }}
