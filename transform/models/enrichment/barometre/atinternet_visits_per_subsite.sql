select
    src_website,
    month,
    month_str,
    subsite,
    sum(visit_count)::bigint as visit_count
from {{ ref('atinternet_visits_per_page') }}
group by src_website, month, month_str, subsite
