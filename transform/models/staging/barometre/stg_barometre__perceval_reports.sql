select
    day as original_day,
    {{ read_date('day', 'YYYY-MM-DD') }} as report_date,
    count as original_count,
    {{ read_integer('count') }} as report_count
from {{ source('barometre', 'perceval_nb_report_day') }}
