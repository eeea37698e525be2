with texts as (
    select
        dump_date,
        dataset,
        {{ plain_text("coalesce(title, '')") }} as title,
        {{ plain_text("coalesce(description, '')") }} as description
    from {{ ref('stg_ecospheres__datasets') }}
)

select
    texts.dump_date,
    texts.dataset,
    universes.univers,
    case when texts.title ~ universes.motif then 'titre' else 'description' end as motif
from texts
inner join {{ ref('univers') }} as universes
    on
        texts.title ~ universes.motif
        or (
            texts.description ~ universes.motif
            and not texts.title ~ coalesce(nullif(universes.titre_exclu, ''), '(?!)')
        )
