-- Those that do not have no duration.
{{ config(severity='warn') }}
select
    stats_id,
    started_at,
    ended_at
from {{ ref('stg_barometre__ppel_logs') }}
where ended_at < started_at
