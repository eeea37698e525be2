-- An experience is positive, neutral or negative; a fourth word would be missing in every chart.
{{ config(severity='warn') }}
select
    exp_pos_count,
    exp_moy_count,
    exp_neg_count,
    exp_count
from {{ ref('exp_total') }}
where exp_pos_count + exp_moy_count + exp_neg_count <> exp_count
