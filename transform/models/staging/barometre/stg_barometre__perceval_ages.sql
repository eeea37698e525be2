select
    month as original_month,
    {{ read_month('month') }} as month,
    age_cat,
    count as original_count,
    {{ read_integer('count') }} as report_count
from {{ source('barometre', 'perceval_age_categories_month') }}
