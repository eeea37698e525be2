select
    organizations.organization_id,
    organizations.organization_name,
    organizations.organization_type,
    count(distinct campaigns.campaign_id) as campaigns,
    count(participations.campaign_participation_id) as participations,
    count(*) filter (where participations.is_shared) as shared_participations,
    count(distinct participations.user_id) as participants,
    count(
        distinct case when participations.is_shared then participations.user_id end
    ) as sharing_participants,
    round(
        count(distinct case when participations.is_shared then participations.user_id end)::numeric
        / nullif(count(distinct participations.user_id), 0),
        2
    ) as sharing_rate
from {{ ref('stg_pix__organizations') }} as organizations
left join {{ ref('stg_pix__campaigns') }} as campaigns
    on organizations.organization_id = campaigns.organization_id
left join {{ ref('stg_pix__campaign_participations') }} as participations
    on campaigns.campaign_id = participations.campaign_id
group by
    organizations.organization_id,
    organizations.organization_name,
    organizations.organization_type
