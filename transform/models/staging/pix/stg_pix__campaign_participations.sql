select
    id as campaign_participation_id,
    "campaignId" as campaign_id,
    "userId" as user_id,
    "isShared" as is_shared,
    "sharedAt" as shared_at,
    "createdAt" as created_at
from {{ source('pix', 'campaign_participations') }}
