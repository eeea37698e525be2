select
    id as competence_id,
    name as competence_name,
    code as competence_code,
    title as competence_title,
    origin,
    "areaId" as area_id
from {{ source('lcms', 'competences') }}
