select
    id as attachment_id,
    type as attachment_type,
    "challengeId" as challenge_id,
    alt as alternative_text,
    url,
    size as size_bytes
from {{ source('lcms', 'attachments') }}
