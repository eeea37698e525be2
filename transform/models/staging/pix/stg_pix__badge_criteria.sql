select
    id as badge_criterion_id,
    "badgeId" as badge_id,
    scope::text as scope,
    threshold
from {{ source('pix', 'badge_criteria') }}
