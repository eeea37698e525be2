-- Each department of the list is what the rule makes of its own number.
select code
from {{ ref('territories') }}
where
    kind in ('département', 'région ultramarine')
    and {{ department_iso("substr(code, 4)", rhone='FR-69') }} is distinct from code
