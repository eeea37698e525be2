select
    id as user_id,
    cgu as has_accepted_terms,
    "createdAt" as created_at,
    "updatedAt" as updated_at
from {{ source('pix', 'users') }}
