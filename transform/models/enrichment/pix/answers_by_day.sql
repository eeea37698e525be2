select
    day,
    sum(answers)::bigint as answers,
    sum(right_answers)::bigint as right_answers
from {{ ref('answers_by_block') }}
group by day
