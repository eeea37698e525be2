{{
    config(
        materialized='following',
        follows='knowledge-element-snapshots',
        removes=[
            'using changed_ranges as changed'
            ~ ' where old.snapshot_id > changed.low and old.snapshot_id <= changed.high',
        ],
        indexes=[{'columns': ['snapshot_id']}, {'columns': ['user_id']}],
    )
}}
{%- set plan = what_to_follow() -%}
{%- set flattened = ref('stg_pix__knowledge_element_snapshots') -%}
select
    snapshots.snapshot_id,
    snapshots.user_id,
    snapshots.snapped_at,
    elements."skillId" as skill_id,
    elements."competenceId" as competence_id,
    elements.source,
    elements.status,
    elements."earnedPix" as earned_pix
from {{ changed_rows(plan, flattened, 'snapshot_id') }} as snapshots
cross join lateral jsonb_to_recordset(
    case when jsonb_typeof(snapshots.snapshot) = 'array' then snapshots.snapshot else '[]' end
) as elements (
    "skillId" text, "competenceId" text, source text, status text, "earnedPix" real
)
