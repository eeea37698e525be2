select
    id as course_id,
    name as course_name
from {{ source('lcms', 'courses') }}
