select
    id as knowledge_element_id,
    "answerId" as answer_id,
    "assessmentId" as assessment_id,
    "userId" as user_id,
    "skillId" as skill_id,
    "competenceId" as competence_id,
    source,
    status,
    "earnedPix" as earned_pix,
    "createdAt" as created_at
from {{ source('pix', 'knowledge_elements') }}
