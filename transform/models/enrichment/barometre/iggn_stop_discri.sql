select
    annee,
    motif,
    sous_motif,
    n_signalements
from {{ ref('iggn_signalements') }}
