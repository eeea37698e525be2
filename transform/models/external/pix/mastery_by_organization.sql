select
    organization_id,
    competence_id::text as competence_id,
    participants,
    mean_validated_skills,
    mean_pix,
    mean_level
from {{ ref('organization_mastery') }}
where participants >= {{ threshold() }}
