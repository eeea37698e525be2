select
    id as answer_id,
    "assessmentId" as assessment_id,
    "challengeId" as challenge_id,
    result,
    "elapsedTime" as elapsed_seconds,
    "createdAt" as created_at
from {{ source('pix', 'answers') }}
