select
    annee,
    pourcentage_manquements
from {{ ref('iggn_manquements') }}
