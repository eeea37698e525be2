{#- Eight pix make a level; a competence has seven. A table: every element of everybody who
    shared is read, once a night. -#}
{{
    config(
        materialized='table',
        indexes=[{'columns': ['organization_id', 'competence_id'], 'unique': true}],
    )
}}
with latest_sharing as (
    select
        campaigns.organization_id,
        participations.user_id,
        max(participations.shared_at) as shared_at
    from {{ ref('stg_pix__campaign_participations') }} as participations
    inner join {{ ref('stg_pix__campaigns') }} as campaigns
        on participations.campaign_id = campaigns.campaign_id
    where participations.is_shared and participations.shared_at is not null
    group by campaigns.organization_id, participations.user_id
),

-- What was known of each skill when the results were sent: what came later was not.
known_skills as (
    select distinct on (sharing.organization_id, elements.user_id, elements.skill_id)
        sharing.organization_id,
        elements.user_id,
        elements.skill_id,
        elements.competence_id,
        elements.status,
        elements.earned_pix
    from latest_sharing as sharing
    inner join {{ ref('stg_pix__knowledge_elements') }} as elements
        on
            sharing.user_id = elements.user_id
            and sharing.shared_at >= elements.created_at
    where elements.competence_id is not null
    order by
        sharing.organization_id asc,
        elements.user_id asc,
        elements.skill_id asc,
        elements.created_at desc,
        elements.knowledge_element_id desc
),

by_person as (
    select
        organization_id,
        competence_id,
        user_id,
        count(*) filter (where status = 'validated') as validated_skills,
        coalesce(sum(earned_pix) filter (where status = 'validated'), 0)::numeric as pix
    from known_skills
    group by organization_id, competence_id, user_id
)

select
    organization_id,
    competence_id,
    count(*) as participants,
    round(avg(validated_skills), 1) as mean_validated_skills,
    round(avg(pix), 1) as mean_pix,
    round(avg(least(7, floor(pix / 8))), 1) as mean_level
from by_person
group by organization_id, competence_id
