with sums as (
    select
        (select sum(count) from {{ ref('perceval_daily') }}) as daily_count,
        (select sum(count) from {{ ref('perceval_monthly') }}) as monthly_count,
        (select sum(amount) from {{ ref('perceval_daily') }}) as daily_amount,
        (select sum(amount) from {{ ref('perceval_monthly') }}) as monthly_amount
)

select *
from sums
where
    daily_count is distinct from monthly_count
    or daily_amount is distinct from monthly_amount
