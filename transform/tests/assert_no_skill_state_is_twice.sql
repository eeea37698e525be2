-- The table's unique index stands, and so each account and skill has one state.
select checked.model
from (select '{{ ref("skill_states") }}' as model) as checked
where not exists (
    select 1
    from pg_catalog.pg_index as keys
    where keys.indrelid = checked.model::regclass and keys.indisunique and keys.indisvalid
)
