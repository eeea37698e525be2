select
    id as answer_id,
    "assessmentId" as assessment_id,
    "challengeId"::text as challenge_id,
    result::text as result,
    timeout as timeout_seconds,
    "elapsedTime" as elapsed_seconds,
    "createdAt" as created_at,
    "updatedAt" as updated_at
from {{ source('pix', 'answers') }}
