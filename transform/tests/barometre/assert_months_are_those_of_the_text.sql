-- Day and month stand in the result as they stand in the file.
select
    reference as key,
    original_datetime
from {{ ref('easiware_requests_clean') }}
where
    original_datetime ~ '^[0-9]{2}/[0-9]{2}/[0-9]{4} '
    and month_str <> substr(original_datetime, 7, 4) || '-' || substr(original_datetime, 4, 2)
union all
select
    stats_id,
    original_datetime
from {{ ref('ppel_clean_logs') }}
where date::text <> substr(original_datetime, 1, 10) or month_str <> substr(original_datetime, 1, 7)
