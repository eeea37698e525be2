select
    id as tutorial_id,
    title as tutorial_title,
    link,
    "tutorialForSkills" as tutorial_for_skill_ids,
    "furtherInformation" as further_information_skill_ids,
    locale
from {{ source('lcms', 'tutorials') }}
