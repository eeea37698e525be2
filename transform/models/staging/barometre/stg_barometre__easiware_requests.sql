select
    reference_hash,
    date as original_datetime,
    {{ read_timestamp('date', 'DD/MM/YYYY') }} as requested_at,
    -- What a wrong encoding lost is shown as lost.
    nullif(btrim(replace(motif_parent, '�', '?')), '') as motif_parent,
    nullif(btrim(replace(motif, '�', '?')), '') as motif,
    _source_file as source_file,
    _source_line as source_line
from {{ source('barometre', 'easiware_requests') }}
