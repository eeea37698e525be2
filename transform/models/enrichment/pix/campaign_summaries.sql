with participations as (
    select
        campaign_id,
        count(*) as participations,
        count(*) filter (where is_shared) as shared_participations,
        min(created_at) as first_participation_at,
        max(created_at) as last_participation_at,
        max(shared_at) as last_shared_at
    from {{ ref('stg_pix__campaign_participations') }}
    group by campaign_id
)

select
    campaigns.campaign_id,
    campaigns.campaign_name,
    campaigns.campaign_type,
    campaigns.organization_id,
    organizations.organization_name,
    campaigns.target_profile_id,
    campaigns.created_at,
    campaigns.archived_at,
    coalesce(participations.participations, 0) as participations,
    coalesce(participations.shared_participations, 0) as shared_participations,
    round(
        participations.shared_participations::numeric / participations.participations, 2
    ) as sharing_rate,
    participations.first_participation_at,
    participations.last_participation_at,
    participations.last_shared_at
from {{ ref('stg_pix__campaigns') }} as campaigns
left join {{ ref('stg_pix__organizations') }} as organizations
    on campaigns.organization_id = organizations.organization_id
left join participations on campaigns.campaign_id = participations.campaign_id
