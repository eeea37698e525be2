-- A challenge that the learning content has forgotten keeps its answers.
select
    answers.answer_id,
    answers.assessment_id,
    answers.challenge_id,
    challenges.skill_id,
    skills.skill_name,
    skills.tube_id,
    tubes.tube_name,
    tubes.competence_id,
    competences.competence_code,
    competences.competence_name,
    answers.result,
    answers.elapsed_seconds,
    answers.created_at
from {{ ref('stg_pix__answers') }} as answers
left join {{ ref('stg_lcms__challenges') }} as challenges
    on answers.challenge_id = challenges.challenge_id
left join {{ ref('stg_lcms__skills') }} as skills on challenges.skill_id = skills.skill_id
left join {{ ref('stg_lcms__tubes') }} as tubes on skills.tube_id = tubes.tube_id
left join {{ ref('stg_lcms__competences') }} as competences
    on tubes.competence_id = competences.competence_id
