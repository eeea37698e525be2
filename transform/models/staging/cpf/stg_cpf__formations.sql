select
    lower(numero_formation) || coalesce(code_region, '') || coalesce(code_departement, '')
        as record_id,
    left(date_extract, 10)::date as date_extract,
    nom_of,
    intitule_formation,
    numero_formation,
    code_region,
    code_departement,
    _source_file as source_file,
    _source_line as source_line
from {{ source('cpf', 'cpf_formations') }}
