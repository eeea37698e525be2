select
    id as campaign_id,
    name::text as campaign_name,
    code::text as campaign_code,
    type::text as campaign_type,
    "organizationId" as organization_id,
    "creatorId" as creator_user_id,
    "targetProfileId" as target_profile_id,
    "createdAt" as created_at,
    "archivedAt" as archived_at
from {{ source('pix', 'campaigns') }}
