select
    month as original_month,
    {{ read_month('month') }} as month,
    {{ department_code('dpt_code') }} as dpt_code,
    count as original_count,
    {{ read_integer('count') }} as report_count
from {{ source('barometre', 'perceval_dpt_report_month') }}
