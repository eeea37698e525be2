-- Nothing is said of a group smaller than the threshold, nor of what is left of one.
with groups as (
    select
        'participation_by_organization' as table_name,
        participants as people,
        sharing_participants as part
    from {{ ref('participation_by_organization') }}
    union all
    select
        'mastery_by_organization' as table_name,
        participants as people,
        null as part
    from {{ ref('mastery_by_organization') }}
    union all
    select
        'activity_by_organization_and_month' as table_name,
        active_people as people,
        null as part
    from {{ ref('activity_by_organization_and_month') }}
    union all
    select
        'certification_by_organization' as table_name,
        candidates as people,
        published_candidates as part
    from {{ ref('certification_by_organization') }}
)

select * from groups
where
    people < {{ threshold() }}
    or part between 1 and {{ threshold() }} - 1
    or people - part between 1 and {{ threshold() }} - 1
