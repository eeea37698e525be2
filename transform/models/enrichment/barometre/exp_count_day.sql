select
    date_publi as date,
    {{ month_of('date_publi') }} as month,
    count(*) as exp_count,
    {{ month_text('date_publi') }} as month_str
from {{ ref('voxusagers_clean') }}
group by date_publi
