select
    id as competence_mark_id,
    "assessmentResultId" as assessment_result_id,
    "competenceId"::text as competence_id,
    competence_code,
    area_code,
    level,
    score,
    "createdAt" as created_at
from {{ source('pix', 'competence_marks') }}
