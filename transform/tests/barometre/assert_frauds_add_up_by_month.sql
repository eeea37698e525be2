-- Perceval's four files agree: as many reports by day, by department and by age in each month.
{{ config(severity='warn') }}
with counts as (
    select
        month_str,
        count as by_day,
        0 as by_department,
        0 as by_age
    from {{ ref('perceval_monthly') }}
    union all
    select
        month_str,
        0 as by_day,
        count as by_department,
        0 as by_age
    from {{ ref('perceval_geo') }}
    union all
    select
        month_str,
        0 as by_day,
        0 as by_department,
        count as by_age
    from {{ ref('perceval_age_cat') }}
),

sums as (
    select
        month_str,
        coalesce(sum(by_day), 0) as by_day,
        coalesce(sum(by_department), 0) as by_department,
        coalesce(sum(by_age), 0) as by_age
    from counts
    group by month_str
)

select *
from sums
where by_day <> by_department or by_day <> by_age
