select
    id as tube_id,
    name as tube_name,
    "practicalTitle" as practical_title,
    "practicalDescription" as practical_description,
    "competenceId" as competence_id
from {{ source('lcms', 'tubes') }}
