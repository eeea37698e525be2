select
    count(*) as exp_count,
    count(*) filter (where ressenti_usager = 'Positif') as exp_pos_count,
    count(*) filter (where ressenti_usager = 'Neutre') as exp_moy_count,
    count(*) filter (where ressenti_usager = 'Négatif') as exp_neg_count,
    count(*) filter (where etat_experience = 'Traitée') as exp_answered_count,
    avg(days_to_response) as avg_days_to_response,
    percentile_cont(0.95) within group (order by days_to_response) as p95_days_to_response,
    percentile_cont(0.9) within group (order by days_to_response) as p90_days_to_response,
    percentile_cont(0.75) within group (order by days_to_response) as p75_days_to_response
from {{ ref('voxusagers_clean') }}
