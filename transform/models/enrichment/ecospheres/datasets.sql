{{ config(materialized='view') }}
-- The columns of the dashboards that were there before, in their order and spelling.
select
    dataset,
    title,
    description,
    modification,
    nullif(array_to_string(access_labels, chr(10)), '') as right_statement,
    themes::text as themes,
    keywords::text as key_words,
    creator,
    rights_holder,
    contact_mail as contact_point,
    status,
    catalog,
    nullif(license_iris::text, '{}') as licenses,
    percantage_filling,
    univers[1] as univers,
    nullif(communes::text, '{}') as commune,
    nullif(departements::text, '{}') as departement,
    case
        when cardinality(communes) > 0 then 'Communale'
        when cardinality(departements) > 0 then 'Départementale'
    end as geo_coverage,
    is_open as right_statement_processed
from {{ ref('dataset_details') }}
where dump_date = (select max(latest.dump_date) from {{ ref('dataset_details') }} as latest)
