select
    id as area_id,
    name as area_name
from {{ source('lcms', 'areas') }}
