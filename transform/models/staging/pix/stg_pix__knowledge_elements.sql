select
    id as knowledge_element_id,
    "answerId" as answer_id,
    "assessmentId" as assessment_id,
    "userId" as user_id,
    "skillId"::text as skill_id,
    "competenceId"::text as competence_id,
    source::text as source,
    status::text as status,
    "earnedPix" as earned_pix,
    "createdAt" as created_at
from {{ source('pix', 'knowledge_elements') }}
