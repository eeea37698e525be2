with recursive climbed as (
    select
        code,
        code as ancestor_code
    from {{ ref('territories') }}
    union
    select
        climbed.code,
        territories.parent_code as ancestor_code
    from climbed
    inner join {{ ref('territories') }} as territories
        on climbed.ancestor_code = territories.code
    where territories.parent_code is not null
)

select
    territories.code,
    territories.name,
    territories.kind,
    regions.code as region_code,
    regions.name as region_name
from {{ ref('territories') }} as territories
left join (
    select
        climbed.code as territory_code,
        ancestors.code,
        ancestors.name
    from climbed
    inner join {{ ref('territories') }} as ancestors
        on
            climbed.ancestor_code = ancestors.code
            and ancestors.code = ancestors.parent_code
) as regions on territories.code = regions.territory_code
