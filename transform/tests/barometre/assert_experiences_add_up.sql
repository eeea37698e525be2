-- Each experience of the files is kept, and counted once by feeling, by day and by department.
with sums as (
    select
        (
            select count(distinct id)
            from {{ ref('stg_barometre__voxusagers_experiences') }}
        ) as in_files,
        (select exp_count from {{ ref('exp_total') }}) as total,
        (select coalesce(sum(exp_count), 0) from {{ ref('exp_count_day') }}) as by_day,
        (select coalesce(sum(exp_count), 0) from {{ ref('exp_geo') }}) as by_department,
        (select coalesce(max(total_count), 0) from {{ ref('exp_tags') }}) as by_side
)

select *
from sums
where not (in_files = total and total = by_day and total = by_department and total = by_side)
