{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='day',
    on_schema_change='append_new_columns'
) }}
-- A day is that of a dump. A dump that is read again replaces its own day, and no other.
select
    dump_date as day,
    dataset,
    coalesce(rights_holder, 'Non renseignée') as organisation,
    taux_completude,
    percantage_filling,
    is_open,
    {%- for field in [
        'catalog', 'contact_point', 'licenses', 'modification', 'rights_holder',
        'right_statement', 'spatial', 'status', 'title'
    ] %}
    is_missing_{{ field }}{{ "," if not loop.last }}
    {%- endfor %}
from {{ ref('dataset_details') }}
