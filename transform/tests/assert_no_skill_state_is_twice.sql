-- The table's unique index stands, and so each account and skill has one state.
select states.relation
from (select '{{ ref("skill_states") }}' as relation) as states
where not exists (
    select 1
    from pg_catalog.pg_index as unique_keys
    where
        unique_keys.indrelid = states.relation::regclass
        and unique_keys.indisunique
        and unique_keys.indisvalid
)
