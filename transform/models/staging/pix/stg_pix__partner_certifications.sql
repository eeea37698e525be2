select
    "certificationCourseId" as certification_course_id,
    "partnerKey"::text as badge_key,
    acquired as is_acquired
from {{ source('pix', 'partner_certifications') }}
