select
    id as certification_center_id,
    name as certification_center_name,
    type::text as certification_center_type,
    "createdAt" as created_at
from {{ source('pix', 'certification_centers') }}
