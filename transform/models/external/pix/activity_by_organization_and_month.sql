{#- A single small month that is left out could be found by subtracting the others from the
    organisation's total: then the smallest of the others is left out with it. -#}
with months as (
    select
        organization_id,
        month,
        active_people,
        coalesce(
            sum(active_people) filter (where active_people < {{ threshold() }})
                over (partition by organization_id),
            0
        ) as people_of_small_months,
        row_number() over (
            partition by organization_id, active_people < {{ threshold() }}
            order by active_people, month
        ) as place
    from {{ ref('organization_activity_by_month') }}
)

select
    organization_id,
    month,
    active_people
from months
where
    active_people >= {{ threshold() }}
    and (people_of_small_months not between 1 and {{ threshold() }} - 1 or place > 1)
