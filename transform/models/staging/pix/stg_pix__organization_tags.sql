select
    id as organization_tag_id,
    "organizationId" as organization_id,
    "tagId" as tag_id
from {{ source('pix', 'organization_tags') }}
