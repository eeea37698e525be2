select
    'twitter_followers'::text as _dbt_source_relation,
    'twitter'::text as reseau,
    pages.page_username,
    pages.page_name,
    pages.n_followers,
    pages.n_tweets,
    departments.code as geo_dpt_iso,
    departments.name as geo_dpt_name,
    departments.region_code as geo_region_iso,
    departments.region_name as geo_region_name,
    'https://twitter.com/' || pages.page_username as page_url
from {{ ref('stg_audience__twitter_users') }} as pages
left join {{ ref('territory_regions') }} as departments
    on departments.code = {{ department_iso('pages.dpt_code') }}
