-- Each answer is counted on one day.
select
    by_day.answers as counted,
    all_answers.answers as given
from (select sum(answers) as answers from {{ ref('answers_by_day') }}) as by_day
cross join (select nullif(count(*), 0) as answers from {{ ref('stg_pix__answers') }}) as all_answers
where by_day.answers is distinct from all_answers.answers
