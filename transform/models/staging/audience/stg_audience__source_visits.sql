with read as (
    select
        *,
        {{ read_integer('date_year') }} as year_number,
        {{ read_month_name('date_month') }} as month_number
    from {{ source('audience', 'atinternet_sources_visits') }}
)

select
    src_website,
    date_year || ' ' || date_month as original_month,
    case
        when year_number between 1 and 9999
            then make_date(year_number::int, month_number, 1)
    end as month,
    src,
    src_detail,
    src_referrer_url,
    m_visits as visit_count
from read
