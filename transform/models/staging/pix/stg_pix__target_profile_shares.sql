select
    id as target_profile_share_id,
    "targetProfileId" as target_profile_id,
    "organizationId" as organization_id,
    "createdAt" as created_at
from {{ source('pix', 'target_profile_shares') }}
