select
    src_website,
    month,
    {{ month_text('month') }} as month_str,
    device_type,
    os_group,
    browser_group,
    sum(visit_count)::bigint as visit_count
from {{ ref('stg_audience__device_visits') }}
where src_website = 'gn'
group by src_website, month, device_type, os_group, browser_group
