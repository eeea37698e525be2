select
    {{ paris_day('created_at') }} as day,
    count(*) as answers,
    count(*) filter (where result = 'ok') as right_answers
from {{ ref('stg_pix__answers') }}
group by {{ paris_day('created_at') }}
