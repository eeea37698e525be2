select
    dump_date,
    dataset,
    distribution,
    {{ preferred_text('title') }} as title,
    {{ all_iris('license') }} as license_iris,
    {{ all_labels('format') }} as formats,
    access_url as access_urls,
    download_url as download_urls
from {{ source('ecospheres', 'distributions') }}
