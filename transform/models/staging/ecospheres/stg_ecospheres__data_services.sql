select
    dump_date,
    data_service,
    {{ preferred_text('title') }} as title,
    {{ preferred_text('description') }} as description,
    endpoint_url as endpoint_urls,
    endpoint_description as description_urls,
    serves_dataset as served_datasets,
    {{ all_iris('license') }} as license_iris,
    publisher as publishers,
    contact_point as contact_points,
    hvd_category as hvd_categories,
    applicable_legislation
from {{ source('ecospheres', 'data_services') }}
