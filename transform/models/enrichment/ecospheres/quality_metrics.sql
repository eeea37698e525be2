{{ config(materialized='view') }}
{%- set fields = [
    'catalog', 'contact_point', 'licenses', 'modification', 'rights_holder',
    'right_statement', 'spatial', 'status', 'title'
] -%}
with measured as (
    select
        day as date,
        case when grouping(organisation) = 1 then 'Toutes' else organisation end as organisation,
        count(*)::double precision as datasets,
        avg(taux_completude) as taux_completude,
        avg(percantage_filling) as percantage_filling,
        100.0 * count(*) filter (where is_open) / count(*) as open_access
        {%- for field in fields %},
        100.0 * count(*) filter (where is_missing_{{ field }}) / count(*) as missing_{{ field }}
        {%- endfor %}
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
    ('open_access', measured.open_access)
    {%- for field in fields %},
    ('missing_{{ field }}', measured.missing_{{ field }})
    {%- endfor %}
) as listed (measurement, value)
