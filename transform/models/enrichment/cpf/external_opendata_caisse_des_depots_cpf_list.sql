-- The name and columns that readers of the system before know.
select distinct on (record_id)
    record_id,
    date_extract,
    nom_of,
    intitule_formation,
    numero_formation
from {{ ref('stg_cpf__formations') }}
order by record_id asc, date_extract desc, source_line asc
