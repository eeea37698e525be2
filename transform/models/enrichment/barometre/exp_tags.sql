select
    votes.tag,
    count(*) filter (where votes.vote = 'Positif') as pos_count,
    count(*) filter (where votes.vote = 'Neutre') as med_count,
    count(*) filter (where votes.vote = 'Négatif') as neg_count,
    count(*) as total_count
from {{ ref('voxusagers_clean') }} as experiences
cross join lateral (
    values
    ('tag_accessibilite', experiences.tag_accessibilite),
    ('tag_explication', experiences.tag_explication),
    ('tag_relation', experiences.tag_relation),
    ('tag_reactivite', experiences.tag_reactivite),
    ('tag_simplicite', experiences.tag_simplicite)
) as votes (tag, vote)
group by votes.tag
