select
    departments.month,
    {{ month_text('departments.month') }} as month_str,
    departments.dpt_code,
    territories.code as geo_dpt_iso,
    territories.name as geo_dpt_name,
    departments.report_count as count
from {{ ref('stg_barometre__perceval_departments') }} as departments
left join {{ ref('territory_regions') }} as territories
    on territories.code = {{ department_iso('departments.dpt_code') }}
