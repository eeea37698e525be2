select
    dump_date,
    catalog_record,
    dataset,
    ({{ all_labels('catalog') }})[1] as catalog_name,
    modified[1] as modification
from {{ source('ecospheres', 'catalog_records') }}
