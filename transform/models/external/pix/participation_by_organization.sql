select
    organization_id,
    organization_name::text as organization_name,
    organization_type,
    campaigns,
    participations,
    participants,
    case
        when {{ may_tell_part('sharing_participants', 'participants') }} then sharing_participants
    end as sharing_participants,
    case
        when {{ may_tell_part('sharing_participants', 'participants') }} then sharing_rate
    end as sharing_rate
from {{ ref('organization_participations') }}
where participants >= {{ threshold() }}
