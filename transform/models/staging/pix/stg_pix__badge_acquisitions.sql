select
    id as badge_acquisition_id,
    "userId" as user_id,
    "badgeId" as badge_id,
    "createdAt" as created_at
from {{ source('pix', 'badge_acquisitions') }}
