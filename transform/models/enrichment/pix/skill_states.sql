{{
    config(
        materialized='following',
        follows='knowledge-elements',
        removes=[
            'using incoming where old.user_id = incoming.user_id and old.skill_id = incoming.skill_id',
            'using changed_ranges as changed where old.knowledge_element_id > changed.low'
            ~ ' and old.knowledge_element_id <= changed.high',
        ],
        indexes=[
            {'columns': ['user_id', 'skill_id'], 'unique': true},
            {'columns': ['knowledge_element_id']},
        ],
    )
}}
{%- set plan = what_to_follow() -%}
{%- set elements = ref('stg_pix__knowledge_elements') -%}
{%- set columns = 'user_id, skill_id, competence_id, knowledge_element_id, source, status, '
    ~ 'earned_pix, created_at' -%}
with changed as (
    select {{ columns }}
    from {{ changed_rows(plan, elements, 'knowledge_element_id') }} as elements
    where user_id is not null and skill_id is not null
),

considered as (
    select {{ columns }}
    from changed
    {%- if not plan.is_whole %}
    -- What held until now, where it has not changed itself.
    union all
    select {{ columns }}
    from {{ this }}
    where
        (user_id, skill_id) in (select changed.user_id, changed.skill_id from changed)
        and not {{ is_changed(plan, 'knowledge_element_id') }}
    -- What is left where the latest element has changed, or gone.
    union all
    select {{ columns }}
    from {{ ref('stg_pix__knowledge_elements') }}
    where
        (user_id, skill_id) in (
            select states.user_id, states.skill_id
            from {{ this }} as states
            where {{ is_changed(plan, 'states.knowledge_element_id') }}
        )
    {%- endif %}
)

select distinct on (user_id, skill_id) {{ columns }}
from considered
order by user_id asc, skill_id asc, created_at desc, knowledge_element_id desc
