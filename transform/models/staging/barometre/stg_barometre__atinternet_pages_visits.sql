-- The API's where it is read, else the files that people export.
{% if 'audience' in env_var('DOMAINS', '').split(',') -%}
    {%- set pages_source = source('audience', 'atinternet_pages_visits') -%}
{%- else -%}
    {%- set pages_source = source('barometre', 'atinternet_pages_visits') -%}
{%- endif -%}

with read as (
    select
        *,
        {{ read_integer('date_year') }} as year_number,
        {{ read_month_name('date_month') }} as month_number
    from {{ pages_source }}
)

select
    src_website,
    date_year || ' ' || date_month as original_month,
    case
        when year_number between 1 and 9999
            then make_date(year_number::int, month_number, 1)
    end as month,
    page,
    page_full_name,
    site_level2 as subsite,
    m_visits::text as original_visits,
    {{ read_integer('m_visits::text') }} as visit_count
from read
