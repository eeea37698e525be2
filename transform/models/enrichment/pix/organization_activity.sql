select
    organizations.organization_id,
    organizations.organization_name,
    organizations.organization_type,
    coalesce(members.active_members, 0) as active_members,
    coalesce(campaigns.campaigns, 0) as campaigns,
    coalesce(campaigns.participations, 0) as participations,
    coalesce(campaigns.shared_participations, 0) as shared_participations
from {{ ref('stg_pix__organizations') }} as organizations
left join (
    select
        organization_id,
        count(*) as active_members
    from {{ ref('stg_pix__memberships') }}
    where disabled_at is null
    group by organization_id
) as members on organizations.organization_id = members.organization_id
left join (
    select
        campaigns.organization_id,
        count(distinct campaigns.campaign_id) as campaigns,
        count(participations.campaign_participation_id) as participations,
        count(*) filter (where participations.is_shared) as shared_participations
    from {{ ref('stg_pix__campaigns') }} as campaigns
    left join {{ ref('stg_pix__campaign_participations') }} as participations
        on campaigns.campaign_id = participations.campaign_id
    group by campaigns.organization_id
) as campaigns on organizations.organization_id = campaigns.organization_id
