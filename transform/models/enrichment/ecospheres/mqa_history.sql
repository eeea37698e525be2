{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='day',
    on_schema_change='append_new_columns'
) }}
-- The mean points of each organisation's datasets, day by day; a day is that of a dump.
select
    measured.dump_date as day,
    case
        when grouping(details.rights_holder) = 1 then 'Toutes'
        else coalesce(details.rights_holder, 'Non renseignée')
    end as organisation,
    count(*) as datasets,
    avg(measured.findability) as findability,
    avg(measured.accessibility) as accessibility,
    avg(measured.interoperability) as interoperability,
    avg(measured.reusability) as reusability,
    avg(measured.contextuality) as contextuality,
    avg(measured.points) as points,
    avg(measured.taux) as taux
from {{ ref('dataset_mqa') }} as measured
inner join {{ ref('dataset_details') }} as details
    on measured.dump_date = details.dump_date and measured.dataset = details.dataset
group by grouping sets ((measured.dump_date), (measured.dump_date, details.rights_holder))
