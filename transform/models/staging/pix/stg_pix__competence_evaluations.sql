select
    id as competence_evaluation_id,
    "assessmentId" as assessment_id,
    "userId" as user_id,
    "competenceId"::text as competence_id,
    status::text as status,
    "createdAt" as created_at,
    "updatedAt" as updated_at
from {{ source('pix', 'competence_evaluations') }}
