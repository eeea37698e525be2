-- A reset says that nothing is known of the skill any more, until the next element.
select
    user_id,
    skill_id,
    competence_id,
    knowledge_element_id,
    source,
    status,
    earned_pix,
    created_at
from {{ ref('skill_states') }}
where status <> 'reset'
