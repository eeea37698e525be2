with licenses as (
    select
        dump_date,
        dataset,
        unnest(license_iris) as iri
    from {{ ref('stg_ecospheres__datasets') }}
    union
    select
        dump_date,
        dataset,
        unnest(license_iris) as iri
    from {{ ref('stg_ecospheres__distributions') }}
)

select
    licenses.dump_date,
    licenses.dataset,
    licenses.iri,
    coalesce(known.code, licenses.iri) as code,
    coalesce(known.libelle, licenses.iri) as libelle
from licenses
left join lateral (
    select
        listed.code,
        listed.libelle
    from {{ ref('licences') }} as listed
    where lower(licenses.iri) ~ listed.motif
    order by listed.code
    limit 1
) as known on true
