-- Each declaration of the files is kept, and counted once by day, by department and by declarant.
with sums as (
    select
        (select count(distinct stats_id) from {{ ref('stg_barometre__ppel_logs') }}) as in_files,
        (select count(*) from {{ ref('ppel_clean_logs') }}) as kept,
        (select coalesce(sum(n_preplaintes), 0) from {{ ref('ppel_daily') }}) as by_date,
        (select coalesce(sum(n_preplaintes), 0) from {{ ref('ppel_geo') }}) as by_department,
        (select coalesce(sum(n_preplaintes), 0) from {{ ref('ppel_person_type') }}) as by_declarant
)

select *
from sums
where not (in_files = kept and kept = by_date and kept = by_department and kept = by_declarant)
