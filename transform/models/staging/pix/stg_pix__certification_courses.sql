select
    id as certification_course_id,
    "userId" as user_id,
    "sessionId" as session_id,
    "completedAt" as completed_at,
    "isPublished" as is_published,
    "isV2Certification" as is_v2_certification,
    "hasSeenEndTestScreen" as has_seen_end_test_screen,
    "createdAt" as created_at,
    "updatedAt" as updated_at
from {{ source('pix', 'certification_courses') }}
