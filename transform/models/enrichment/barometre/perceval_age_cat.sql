select
    report_count as count,
    age_cat,
    {{ month_text('month') }} as month_str,
    month
from {{ ref('stg_barometre__perceval_ages') }}
