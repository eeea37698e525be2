select
    src_website,
    month,
    {{ month_text('month') }} as month_str,
    src,
    src_detail,
    sum(visit_count)::bigint as visit_count
from {{ ref('stg_audience__source_visits') }}
where src_website = 'gn'
group by src_website, month, src, src_detail
