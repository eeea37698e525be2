select
    id as feedback_id,
    "assessmentId" as assessment_id,
    "challengeId"::text as challenge_id,
    category::text as category,
    "createdAt" as created_at,
    "updatedAt" as updated_at
from {{ source('pix', 'feedbacks') }}
