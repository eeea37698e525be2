select
    id as target_profile_skill_id,
    "targetProfileId" as target_profile_id,
    "skillId"::text as skill_id
from {{ source('pix', 'target_profiles_skills') }}
