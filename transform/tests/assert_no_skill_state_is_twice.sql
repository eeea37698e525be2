-- The table's unique index stands, and so each account and skill has one state.
select 'skill_states' as without_its_index
from {{ ref('skill_states') }}
where not exists (
    select 1
    from pg_catalog.pg_index
    where indrelid = '{{ ref("skill_states") }}'::regclass and indisunique and indisvalid
)
limit 1
