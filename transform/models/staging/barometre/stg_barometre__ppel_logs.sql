select
    stats_id,
    stats_debut_declaration,
    {{ read_timestamp('stats_debut_declaration', 'YYYY-MM-DD') }} as started_at,
    stats_fin_declaration,
    {{ read_timestamp('stats_fin_declaration', 'YYYY-MM-DD') }} as ended_at,
    {{ department_code('stats_dpt_unite') }} as dpt_code,
    {{ read_flag('stats_pers_physique') }} as is_pers_physique,
    {{ read_flag('stats_pers_morale') }} as is_pers_morale,
    _source_file as source_file,
    _source_line as source_line
from {{ source('barometre', 'ppel_logs') }}
