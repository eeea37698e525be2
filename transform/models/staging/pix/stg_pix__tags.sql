select
    id as tag_id,
    name::text as tag_name
from {{ source('pix', 'tags') }}
