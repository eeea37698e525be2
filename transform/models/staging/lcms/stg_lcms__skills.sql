select
    id as skill_id,
    name as skill_name,
    description as skill_description,
    level as skill_level,
    "tubeId" as tube_id,
    status as skill_status,
    "pixValue" as pix_value,
    hint,
    "hintStatus" as hint_status,
    "tutorialIds" as tutorial_ids,
    "learningMoreTutorialIds" as learning_more_tutorial_ids,
    internationalisation
from {{ source('lcms', 'skills') }}
