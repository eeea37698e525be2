select
    id as badge_partner_competence_id,
    "badgeId" as badge_id,
    name::text as badge_partner_competence_name,
    "skillIds" as skill_ids,
    color::text as color
from {{ source('pix', 'badge_partner_competences') }}
