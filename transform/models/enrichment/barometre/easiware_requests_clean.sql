-- A request that stands in several files is the one of the last; a motive has one category, were
-- it listed twice.
with requests as (
    select distinct on (reference_hash) *
    from {{ ref('stg_barometre__easiware_requests') }}
    where reference_hash is not null
    order by reference_hash asc, source_file desc, source_line desc
),

categories as (
    select distinct on (motif_parent, motif)
        motif_parent,
        motif,
        categorie
    from {{ ref('easiware_categories') }}
    order by motif_parent asc, motif asc, categorie asc
)

select
    requests.reference_hash as reference,
    requests.requested_at as datetime,
    requests.original_datetime,
    categories.categorie as category,
    extract(hour from requests.requested_at)::int as hour,
    requests.requested_at::date as date,
    {{ month_of('requests.requested_at') }} as month,
    {{ month_text('requests.requested_at') }} as month_str,
    extract(year from requests.requested_at)::int as year
from requests
left join categories
    on
        requests.motif_parent is not distinct from categories.motif_parent
        and requests.motif is not distinct from categories.motif
where categories.categorie is distinct from 'PNAV'
