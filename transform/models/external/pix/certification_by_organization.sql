select
    organization_id,
    certifications,
    candidates,
    case
        when {{ may_tell_part('published_candidates', 'candidates') }} then published_candidates
    end as published_candidates
from {{ ref('organization_certifications') }}
where candidates >= {{ threshold() }}
