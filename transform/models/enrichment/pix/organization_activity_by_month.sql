{#- A participation counts in the month in which it began, and in that in which it was shared. -#}
with activity as (
    select
        campaigns.organization_id,
        participations.user_id,
        {{ paris_day('participations.created_at') }} as day,
        true as is_start
    from {{ ref('stg_pix__campaign_participations') }} as participations
    inner join {{ ref('stg_pix__campaigns') }} as campaigns
        on participations.campaign_id = campaigns.campaign_id
    union all
    select
        campaigns.organization_id,
        participations.user_id,
        {{ paris_day('participations.shared_at') }} as day,
        false as is_start
    from {{ ref('stg_pix__campaign_participations') }} as participations
    inner join {{ ref('stg_pix__campaigns') }} as campaigns
        on participations.campaign_id = campaigns.campaign_id
    where participations.is_shared and participations.shared_at is not null
)

select
    organization_id,
    date_trunc('month', day)::date as month,
    count(distinct user_id) as active_people,
    count(*) filter (where is_start) as started_participations,
    count(*) filter (where not is_start) as shared_participations
from activity
group by organization_id, date_trunc('month', day)::date
