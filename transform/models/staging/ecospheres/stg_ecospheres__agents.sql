select
    dump_date,
    agent,
    {{ preferred_text('name') }} as agent_name
from {{ source('ecospheres', 'agents') }}
