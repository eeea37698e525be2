select
    id as assessment_result_id,
    "assessmentId" as assessment_id,
    level,
    "pixScore" as pix_score,
    emitter,
    status,
    "juryId" as jury_user_id,
    "createdAt" as created_at
from {{ source('pix', 'assessment_results') }}
