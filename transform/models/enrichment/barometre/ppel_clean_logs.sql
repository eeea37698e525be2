-- A declaration that stands in several files is the one of the last.
with logs as (
    select distinct on (stats_id) *
    from {{ ref('stg_barometre__ppel_logs') }}
    where stats_id is not null
    order by stats_id asc, source_file desc, source_line desc
)

select
    logs.stats_id,
    logs.stats_debut_declaration as original_datetime,
    logs.started_at as datetime,
    logs.dpt_code,
    territories.code as geo_dpt_iso,
    territories.name as geo_dpt_name,
    case when logs.ended_at >= logs.started_at then logs.ended_at - logs.started_at end as duree,
    case
        when logs.is_pers_physique and not logs.is_pers_morale then 'physique'
        when logs.is_pers_morale and not logs.is_pers_physique then 'morale'
        else 'unknown'
    end as type_personne,
    extract(hour from logs.started_at)::int as hour,
    logs.started_at::date as date,
    {{ month_of('logs.started_at') }} as month,
    {{ month_text('logs.started_at') }} as month_str,
    extract(year from logs.started_at)::int as year
from logs
left join {{ ref('territory_regions') }} as territories
    on territories.code = {{ department_iso('logs.dpt_code') }}
