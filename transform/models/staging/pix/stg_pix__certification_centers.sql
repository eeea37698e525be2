select
    id as certification_center_id,
    name::text as certification_center_name,
    type::text as certification_center_type,
    "externalId"::text as external_id,
    "createdAt" as created_at
from {{ source('pix', 'certification_centers') }}
