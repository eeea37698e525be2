select
    count(*) as exp_count,
    territories.code as geo_dpt_iso,
    territories.name as geo_dpt_name,
    territories.region_code as geo_region_iso,
    territories.region_name as geo_region_name
from {{ ref('voxusagers_clean') }} as experiences
left join {{ ref('territory_regions') }} as territories
    on experiences.iso_3166_2 = territories.code
group by
    territories.code,
    territories.name,
    territories.region_code,
    territories.region_name
