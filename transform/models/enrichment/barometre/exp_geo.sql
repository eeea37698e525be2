with counted as (
    select
        territories.code,
        territories.name,
        territories.region_code,
        territories.region_name,
        count(*) as exp_count
    from {{ ref('voxusagers_clean') }} as experiences
    left join {{ ref('territory_regions') }} as territories
        on experiences.iso_3166_2 = territories.code
    group by
        territories.code,
        territories.name,
        territories.region_code,
        territories.region_name
)

select
    exp_count,
    code as geo_dpt_iso,
    name as geo_dpt_name,
    region_code as geo_region_iso,
    region_name as geo_region_name
from counted
