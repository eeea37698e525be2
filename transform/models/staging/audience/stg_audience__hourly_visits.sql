select
    src_website,
    date,
    visit_hour::int as visit_hour,
    date + visit_hour * interval '1 hour' as datetime,
    site_level2 as subsite,
    m_visits as visit_count
from {{ source('audience', 'atinternet_hourly_visits') }}
where visit_hour >= 0 and m_visits > 0
