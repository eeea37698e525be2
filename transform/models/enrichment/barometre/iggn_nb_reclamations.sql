select
    annee,
    n_reclamations
from {{ ref('iggn_reclamations') }}
