select
    id as campaign_id,
    name as campaign_name,
    code as campaign_code,
    type::text as campaign_type,
    "organizationId" as organization_id,
    "creatorId" as creator_user_id,
    "createdAt" as created_at,
    "archivedAt" as archived_at
from {{ source('pix', 'campaigns') }}
