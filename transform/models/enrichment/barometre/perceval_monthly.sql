select
    month,
    month_str,
    sum(count)::bigint as count,
    sum(amount) as amount,
    sum(amount) / nullif(sum(count), 0) as avg_amount
from {{ ref('perceval_daily') }}
group by month, month_str
