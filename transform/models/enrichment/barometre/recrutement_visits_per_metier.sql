{#- What becomes of the words of an address, in this order: patterns, as whole words where \m and \M
    stand. Addresses have no accents, capitals or apostrophes. -#}
{%- set corrections = [
    ('\\mpsig\\M', 'PSIG'),
    ('\\mgign\\M', 'GIGN'),
    ('\\mrh\\M', 'RH'),
    ('\\md (?=[aeiouyh])', "d''"),
    ('unite', 'unité'),
    ('republicain', 'républicain'),
    ('systemes', 'systèmes'),
    ('enqueteur', 'enquêteur'),
    ('securite', 'sécurité'),
    ('numerique', 'numérique'),
    ('telecom', 'télécom'),
    ('developpeur', 'développeur'),
    ('helicoptere', 'hélicoptère'),
    ('aerien', 'aérien'),
    ('mecanicien', 'mécanicien'),
] -%}
{%- set spelling = namespace(sql='words') -%}
{%- for pattern, correction in corrections -%}
    {%- set spelling.sql = "regexp_replace(" ~ spelling.sql ~ ", " ~ dbt.string_literal(pattern)
        ~ ", " ~ dbt.string_literal(correction) ~ ", 'g')" -%}
{%- endfor -%}
with pages as (
    select
        month,
        month_str,
        page_full_name,
        visit_count,
        replace(substr(page_full_name, length('decouvrir-nos-metiers::') + 1), '-', ' ') as words
    from {{ ref('atinternet_visits_per_page') }}
    where subsite = 'recrutement' and starts_with(page_full_name, 'decouvrir-nos-metiers::')
),

spelled as (
    select
        *,
        {{ spelling.sql }} as name
    from pages
    -- Addresses that no page ever had: mistyped, or tried by robots.
    where words not in (
        'Z2VuZGFybW',
        'null',
        'technicien en réseaux informatiques et télécoms',
        'gendarmeen brigade'
    )
),

capitalised as (
    select
        *,
        upper(left(name, 1)) || right(name, -1) as metier
    from spelled
)

select
    capitalised.month,
    capitalised.month_str,
    capitalised.page_full_name,
    capitalised.visit_count,
    coalesce(noms.name_clean, capitalised.metier) as metier_name
from capitalised
left join {{ ref('recrutement_noms_metiers') }} as noms on capitalised.metier = noms.name
