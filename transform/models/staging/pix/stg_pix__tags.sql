select
    id as tag_id,
    name as tag_name
from {{ source('pix', 'tags') }}
