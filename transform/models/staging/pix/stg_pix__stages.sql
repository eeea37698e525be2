select
    id as stage_id,
    "targetProfileId" as target_profile_id,
    title::text as stage_title,
    message::text as message,
    threshold,
    "createdAt" as created_at,
    "updatedAt" as updated_at
from {{ source('pix', 'stages') }}
