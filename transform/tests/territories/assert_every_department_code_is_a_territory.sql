-- What the rule gives for any number from 00 to 999, 2A and 2B is in the list of territories.
with numbers (code) as (
    select lpad(n::text, 2, '0')
    from generate_series(0, 999) as n
    union all
    values ('2A'), ('2B'), ('20R'), ('6AE'), ('69M'), ('75C')
)

select numbers.code
from numbers
left join {{ ref('territories') }} as territories
    on territories.code = {{ department_iso('numbers.code') }}
where {{ department_iso('numbers.code') }} is not null and territories.code is null
