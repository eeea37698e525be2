-- Each contact is counted once by category, by day and by hour.
with sums as (
    select
        (select sum(n_contact) from {{ ref('easiware_n_contacts_total') }}) as total,
        (
            select coalesce(sum(n_contact), 0)
            from {{ ref('easiware_n_contacts_category') }}
        ) as by_category,
        (select coalesce(sum(n_contact), 0) from {{ ref('easiware_n_contacts_date') }}) as by_date,
        (select coalesce(sum(n_contact), 0) from {{ ref('easiware_n_contacts_hour') }}) as by_hour
)

select *
from sums
where not (total = by_category and total = by_date and total = by_hour)
