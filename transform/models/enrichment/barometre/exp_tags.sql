{%- set tags = [
    'tag_accessibilite', 'tag_explication', 'tag_relation', 'tag_reactivite', 'tag_simplicite'
] -%}
with votes as (
    {% for tag in tags %}
        select
            '{{ tag }}' as tag,
            {{ tag }} as vote
        from {{ ref('voxusagers_clean') }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    tag,
    count(*) filter (where vote = 'Positif') as pos_count,
    count(*) filter (where vote = 'Neutre') as med_count,
    count(*) filter (where vote = 'Négatif') as neg_count,
    count(*) as total_count
from votes
group by tag
