-- The last result of a certification's sitting holds: a jury's comes after the computed one.
with results as (
    select distinct on (assessments.certification_course_id)
        assessments.certification_course_id,
        results.assessment_result_id,
        results.status,
        results.pix_score,
        results.emitter
    from {{ ref('stg_pix__assessments') }} as assessments
    inner join {{ ref('stg_pix__assessment_results') }} as results
        on assessments.assessment_id = results.assessment_id
    where assessments.certification_course_id is not null
    order by
        assessments.certification_course_id asc,
        results.created_at desc,
        results.assessment_result_id desc
),

marks as (
    select
        assessment_result_id,
        count(*) filter (where level > 0) as certified_competences
    from {{ ref('stg_pix__competence_marks') }}
    group by assessment_result_id
),

partners as (
    select
        certification_course_id,
        count(*) filter (where is_acquired) as acquired_partner_certifications
    from {{ ref('stg_pix__partner_certifications') }}
    group by certification_course_id
)

select
    courses.certification_course_id,
    courses.user_id,
    courses.session_id,
    sessions.session_date,
    sessions.certification_center_id,
    centers.certification_center_name,
    centers.certification_center_type,
    courses.created_at,
    courses.completed_at,
    courses.is_published,
    case
        when courses.completed_at is null then 'unfinished'
        when results.status is null then 'unscored'
        else results.status
    end as result,
    results.pix_score,
    coalesce(results.emitter <> 'PIX-ALGO', false) as is_judged,
    coalesce(marks.certified_competences, 0) as certified_competences,
    coalesce(partners.acquired_partner_certifications, 0) as acquired_partner_certifications
from {{ ref('stg_pix__certification_courses') }} as courses
left join {{ ref('stg_pix__sessions') }} as sessions on courses.session_id = sessions.session_id
left join {{ ref('stg_pix__certification_centers') }} as centers
    on sessions.certification_center_id = centers.certification_center_id
left join results on courses.certification_course_id = results.certification_course_id
left join marks on results.assessment_result_id = marks.assessment_result_id
left join partners on courses.certification_course_id = partners.certification_course_id
