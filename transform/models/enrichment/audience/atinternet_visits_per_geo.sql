select
    visits.src_website,
    visits.month,
    {{ month_text('visits.month') }} as month_str,
    regions.code as geo_region_iso,
    territories.name as geo_region_name,
    visits.geo_country,
    visits.geo_city,
    sum(visits.visit_count)::bigint as visit_count
from {{ ref('stg_audience__geo_visits') }} as visits
left join {{ ref('atinternet_regions') }} as regions on visits.geo_region = regions.atinternet_name
left join {{ ref('territories') }} as territories on regions.code = territories.code
where visits.src_website = 'gn'
group by
    visits.src_website,
    visits.month,
    regions.code,
    territories.name,
    visits.geo_country,
    visits.geo_city
