select
    id as certification_challenge_id,
    "courseId" as certification_course_id,
    "challengeId"::text as challenge_id,
    "competenceId"::text as competence_id,
    "associatedSkillId"::text as skill_id,
    "associatedSkillName"::text as skill_name,
    "createdAt" as created_at,
    "updatedAt" as updated_at
from {{ source('pix', 'certification_challenges') }}
