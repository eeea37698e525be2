select
    assessments.assessment_id,
    assessments.user_id,
    assessments.assessment_type,
    assessments.assessment_state,
    assessments.competence_id,
    assessments.campaign_participation_id,
    assessments.certification_course_id,
    assessments.created_at,
    {{ paris_day('assessments.created_at') }} as day,
    given.answers,
    given.right_answers,
    given.last_answered_at,
    given.elapsed_seconds
from {{ ref('stg_pix__assessments') }} as assessments
-- One look-up by index for each sitting asked for, instead of all answers for one.
cross join lateral (
    select
        count(*) as answers,
        count(*) filter (where answers.result = 'ok') as right_answers,
        max(answers.created_at) as last_answered_at,
        sum(answers.elapsed_seconds) as elapsed_seconds
    from {{ ref('stg_pix__answers') }} as answers
    where answers.assessment_id = assessments.assessment_id
) as given
