select
    id as assessment_id,
    "userId" as user_id,
    type::text as assessment_type,
    state::text as assessment_state,
    "courseId"::text as course_id,
    "competenceId"::text as competence_id,
    "isImproving" as is_improving,
    "campaignParticipationId" as campaign_participation_id,
    "certificationCourseId" as certification_course_id,
    "createdAt" as created_at,
    "updatedAt" as updated_at
from {{ source('pix', 'assessments') }}
