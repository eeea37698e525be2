{{ config(materialized='view') }}
with measured as (
    select
        day as date,
        case when grouping(organisation) = 1 then 'Toutes' else organisation end as organisation,
        count(*)::double precision as datasets,
        avg(taux_completude) as taux_completude,
        avg(percantage_filling) as percantage_filling,
        100.0 * count(*) filter (where is_open) / count(*) as open_access,
        100.0 * count(*) filter (where is_missing_catalog) / count(*) as missing_catalog,
        100.0 * count(*) filter (where is_missing_contact_point) / count(*)
            as missing_contact_point,
        100.0 * count(*) filter (where is_missing_licenses) / count(*) as missing_licenses,
        100.0 * count(*) filter (where is_missing_modification) / count(*)
            as missing_modification,
        100.0 * count(*) filter (where is_missing_rights_holder) / count(*)
            as missing_rights_holder,
        100.0 * count(*) filter (where is_missing_right_statement) / count(*)
            as missing_right_statement,
        100.0 * count(*) filter (where is_missing_spatial) / count(*) as missing_spatial,
        100.0 * count(*) filter (where is_missing_status) / count(*) as missing_status,
        100.0 * count(*) filter (where is_missing_title) / count(*) as missing_title
    from {{ ref('dataset_history') }}
    group by grouping sets ((day), (day, organisation))
)

select
    measured.date,
    listed.measurement,
    listed.value::double precision as value,
    measured.organisation
from measured
cross join lateral (
    values
    ('datasets', measured.datasets),
    ('taux_completude', measured.taux_completude),
    ('percantage_filling', measured.percantage_filling),
    ('open_access', measured.open_access),
    ('missing_catalog', measured.missing_catalog),
    ('missing_contact_point', measured.missing_contact_point),
    ('missing_licenses', measured.missing_licenses),
    ('missing_modification', measured.missing_modification),
    ('missing_rights_holder', measured.missing_rights_holder),
    ('missing_right_statement', measured.missing_right_statement),
    ('missing_spatial', measured.missing_spatial),
    ('missing_status', measured.missing_status),
    ('missing_title', measured.missing_title)
) as listed (measurement, value)
