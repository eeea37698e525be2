select
    src_website,
    date_trunc('month', date)::date as month,
    {{ month_text('date') }} as month_str,
    datetime,
    date,
    visit_hour,
    subsite,
    sum(visit_count)::bigint as visit_count
from {{ ref('stg_audience__hourly_visits') }}
where src_website = 'gn'
group by src_website, datetime, date, visit_hour, subsite
