-- Certifications have no organisation of their own: they are those of the people who took part in
-- its campaigns, from then on.
with first_participation as (
    select
        campaigns.organization_id,
        participations.user_id,
        min(participations.created_at) as took_part_at
    from {{ ref('stg_pix__campaign_participations') }} as participations
    inner join {{ ref('stg_pix__campaigns') }} as campaigns
        on participations.campaign_id = campaigns.campaign_id
    group by campaigns.organization_id, participations.user_id
)

select
    participation.organization_id,
    count(*) as certifications,
    count(*) filter (where courses.completed_at is not null) as completed_certifications,
    count(*) filter (where courses.is_published) as published_certifications,
    count(distinct courses.user_id) as candidates,
    count(distinct courses.user_id) filter (where courses.is_published) as published_candidates
from first_participation as participation
inner join {{ ref('stg_pix__certification_courses') }} as courses
    on
        participation.user_id = courses.user_id
        and participation.took_part_at <= courses.created_at
group by participation.organization_id
