select
    id as tutorial_evaluation_id,
    "userId" as user_id,
    "tutorialId"::text as tutorial_id,
    "createdAt" as created_at,
    "updatedAt" as updated_at
from {{ source('pix', 'tutorial_evaluations') }}
