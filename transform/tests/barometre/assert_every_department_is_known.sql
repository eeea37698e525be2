-- A number of a department that is none has no place on the map.
{{ config(severity='warn') }}
select
    'ppel' as file,
    dpt_code
from {{ ref('ppel_geo') }}
where dpt_code is not null and geo_dpt_iso is null
union
select
    'perceval' as file,
    dpt_code
from {{ ref('perceval_geo') }}
where dpt_code is not null and geo_dpt_iso is null
