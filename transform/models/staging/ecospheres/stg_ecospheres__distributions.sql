select
    dump_date,
    dataset,
    distribution,
    {{ preferred_text('title') }} as title,
    {{ all_iris('license') }} as license_iris,
    {{ all_labels('format') }} as formats,
    access_url as access_urls,
    download_url as download_urls,
    {{ all_iris('format') }} as format_iris,
    {{ all_iris('media_type') }} || {{ all_labels('media_type') }} as media_types,
    jsonb_array_length(rights) > 0 as has_rights,
    byte_size as byte_sizes,
    issued[1] as issue,
    modified[1] as modification,
    access_service as access_services
from {{ source('ecospheres', 'distributions') }}
