select
    id as snapshot_id,
    "userId" as user_id,
    "snappedAt" as snapped_at,
    snapshot
from {{ source('pix', 'knowledge_element_snapshots') }}
