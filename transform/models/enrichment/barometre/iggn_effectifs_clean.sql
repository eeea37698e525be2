with genders as (
    select
        annee,
        categorie,
        effectifs_homme as effectifs,
        'homme' as genre,
        case when categorie = 'Personnel civil' then 'civil' else 'militaire' end as type_personnel
    from {{ ref('iggn_effectifs') }}
    union all
    select
        annee,
        categorie,
        effectifs_femme as effectifs,
        'femme' as genre,
        case when categorie = 'Personnel civil' then 'civil' else 'militaire' end as type_personnel
    from {{ ref('iggn_effectifs') }}
)

select
    annee,
    categorie,
    type_personnel,
    effectifs,
    genre
from genders
