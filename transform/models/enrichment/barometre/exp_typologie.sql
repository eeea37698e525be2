-- UNION, not UNION ALL: an experience that names a structure twice is one experience with it.
with named as (
    select
        id,
        typologie_structure_1 as typologie_structure
    from {{ ref('voxusagers_clean') }}
    union
    select
        id,
        typologie_structure_2
    from {{ ref('voxusagers_clean') }}
    union
    select
        id,
        typologie_structure_3
    from {{ ref('voxusagers_clean') }}
)

select
    named.typologie_structure,
    count(*) as exp_count
from named
inner join {{ ref('voxusagers_typologies') }} as typologies
    on named.typologie_structure = typologies.typologie_structure
group by named.typologie_structure
