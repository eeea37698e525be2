select
    id as certification_course_id,
    "userId" as user_id,
    "completedAt" as completed_at,
    "isPublished" as is_published,
    "createdAt" as created_at
from {{ source('pix', 'certification_courses') }}
