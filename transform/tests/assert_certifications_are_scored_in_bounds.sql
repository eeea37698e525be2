-- A score is no less than 0 and no more than the 16 competences of 8 levels can give.
select
    certification_course_id,
    pix_score
from {{ ref('certification_summaries') }}
where pix_score < 0 or pix_score > 1024
