-- An experience that stands in several files is the one of the last.
select distinct on (id)
    id,
    date_ecriture,
    date_publi,
    date_reponse,
    etat_experience,
    ressenti_usager,
    tag_accessibilite,
    tag_explication,
    tag_relation,
    tag_reactivite,
    tag_simplicite,
    code_postal,
    typologie_structure_1,
    typologie_structure_2,
    typologie_structure_3,
    {{ department_iso('departement') }} as iso_3166_2,
    date_reponse - date_publi as days_to_response
from {{ ref('stg_barometre__voxusagers_experiences') }}
where id is not null
order by id asc, source_file desc, source_line desc
