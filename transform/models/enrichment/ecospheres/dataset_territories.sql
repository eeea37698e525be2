-- What INSEE's IRIs say: .../geo/<level>/<code>, other parts may follow.
with places as (
    select
        datasets.dump_date,
        datasets.dataset,
        listed.iri,
        substring(listed.iri from '/geo/([A-Za-z]+)/') as niveau,
        upper(substring(listed.iri from '/geo/[A-Za-z]+/([0-9A-Za-z]+)')) as code
    from {{ ref('stg_ecospheres__datasets') }} as datasets
    cross join unnest(datasets.places) as listed (iri)
    where listed.iri like '%insee%'
)

select
    dump_date,
    dataset,
    iri,
    niveau,
    code,
    niveau in ('commune', 'communeAssociee', 'communeDeleguee', 'arrondissementMunicipal')
        as is_communal,
    case
        when niveau = 'departement' then code
        when
            niveau in (
                'commune', 'communeAssociee', 'communeDeleguee', 'arrondissementMunicipal',
                'arrondissement'
            )
            -- Overseas, three characters are the department's.
            then left(code, case when code ~ '^9[78]' then 3 else 2 end)
    end as departement
from places
