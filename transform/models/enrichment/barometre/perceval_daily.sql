select
    coalesce(amounts.report_date, reports.report_date) as date,
    coalesce(amounts.original_day, reports.original_day) as date_str,
    amounts.amount,
    reports.report_count as count,
    {{ month_of('coalesce(amounts.report_date, reports.report_date)') }} as month,
    {{ month_text('coalesce(amounts.report_date, reports.report_date)') }} as month_str
from {{ ref('stg_barometre__perceval_amounts') }} as amounts
full outer join {{ ref('stg_barometre__perceval_reports') }} as reports
    on amounts.original_day = reports.original_day
