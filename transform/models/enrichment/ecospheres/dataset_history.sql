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
    is_missing_catalog,
    is_missing_contact_point,
    is_missing_licenses,
    is_missing_modification,
    is_missing_rights_holder,
    is_missing_right_statement,
    is_missing_spatial,
    is_missing_status,
    is_missing_title
from {{ ref('dataset_details') }}
