{{
    config(
        materialized='following',
        follows='answers',
        removes=[
            'using changed_ranges as changed'
            ~ ' where old.block >= (greatest(changed.low, -1) + 1) / 100000'
            ~ ' and old.block <= changed.high / 100000',
        ],
        indexes=[{'columns': ['block']}],
    )
}}
{%- set plan = what_to_follow() -%}
-- A block that has changed is counted anew: nothing need be known of what was deleted.
select
    answer_id / 100000 as block,
    {{ paris_day('created_at') }} as day,
    count(*) as answers,
    count(*) filter (where result = 'ok') as right_answers
from {{ changed_rows(plan, ref('stg_pix__answers'), 'answer_id', 100000) }} as answers
group by answer_id / 100000, {{ paris_day('created_at') }}
