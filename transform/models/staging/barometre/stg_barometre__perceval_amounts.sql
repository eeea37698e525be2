select
    day as original_day,
    {{ read_date('day', 'YYYY-MM-DD') }} as report_date,
    amount as original_amount,
    {{ read_number('amount') }} as amount
from {{ source('barometre', 'perceval_amount_of_money_day') }}
