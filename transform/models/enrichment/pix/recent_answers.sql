-- As of the newest answer, not of now: a dump shows its own last days, and a night that failed none
-- the less.
select
    answers.answer_id,
    answers.assessment_id,
    answers.challenge_id,
    answers.result,
    answers.elapsed_seconds,
    answers.created_at,
    {{ paris_day('answers.created_at') }} as day
from {{ ref('stg_pix__answers') }} as answers
where
    answers.created_at > (
        select newest.created_at
        from {{ ref('stg_pix__answers') }} as newest
        order by newest.answer_id desc
        limit 1
    ) - interval '15 days'
