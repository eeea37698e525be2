{{ config(materialized='view') }}
-- Each dataset's points by dimension, and its rating. The method's limits are shares of its 405
-- points; here they are the same shares of the points that are measured.
with summed as (
    select
        dump_date,
        dataset,
        sum(points) filter (where dimension = 'findability') as findability,
        sum(points) filter (where dimension = 'accessibility') as accessibility,
        sum(points) filter (where dimension = 'interoperability') as interoperability,
        sum(points) filter (where dimension = 'reusability') as reusability,
        sum(points) filter (where dimension = 'contextuality') as contextuality,
        sum(points) as points,
        sum(points_possibles) as points_possibles
    from {{ ref('dataset_mqa_indicators') }}
    group by dump_date, dataset
)

select
    summed.*,
    100 * summed.points / summed.points_possibles as taux,
    case
        when summed.points * 405 >= 351 * summed.points_possibles then 'excellent'
        when summed.points * 405 >= 221 * summed.points_possibles then 'good'
        when summed.points * 405 >= 121 * summed.points_possibles then 'sufficient'
        else 'bad'
    end as rating
from summed
