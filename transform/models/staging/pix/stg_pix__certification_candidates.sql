select
    id as certification_candidate_id,
    "sessionId" as session_id,
    "userId" as user_id,
    "createdAt" as created_at
from {{ source('pix', 'certification_candidates') }}
