select
    id as badge_id,
    key as badge_key,
    title::text as badge_title,
    message::text as message,
    "targetProfileId" as target_profile_id
from {{ source('pix', 'badges') }}
