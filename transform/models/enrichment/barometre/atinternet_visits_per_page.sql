select
    src_website,
    month,
    {{ month_text('month') }} as month_str,
    subsite,
    page_full_name,
    sum(visit_count)::bigint as visit_count
from {{ ref('stg_barometre__atinternet_pages_visits') }}
where src_website = 'gn'
group by src_website, month, subsite, page_full_name
