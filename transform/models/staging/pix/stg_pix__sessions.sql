select
    id as session_id,
    "certificationCenterId" as certification_center_id,
    date as session_date,
    time as session_time,
    "assignedCertificationOfficerId" as officer_user_id,
    "createdAt" as created_at,
    "finalizedAt" as finalized_at,
    "publishedAt" as published_at,
    "resultsSentToPrescriberAt" as results_sent_at
from {{ source('pix', 'sessions') }}
