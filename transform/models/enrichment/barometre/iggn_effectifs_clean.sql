select
    effectifs.annee,
    effectifs.categorie,
    case when effectifs.categorie = 'Personnel civil' then 'civil' else 'militaire' end as type_personnel,
    genres.effectifs,
    genres.genre
from {{ ref('iggn_effectifs') }} as effectifs
cross join lateral (
    values
    (effectifs.effectifs_homme, 'homme'),
    (effectifs.effectifs_femme, 'femme')
) as genres (effectifs, genre)
