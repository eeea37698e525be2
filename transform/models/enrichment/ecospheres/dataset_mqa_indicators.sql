-- The indicators of the Metadata Quality Assessment of data.europa.eu, one row for each dataset
-- and indicator. What is measured on distributions counts by the share of them that have it.
-- Whether URLs answer is not measured here: nothing is fetched but the catalogue.
with formats as (
    select
        distributions.dump_date,
        distributions.dataset,
        distributions.distribution,
        bool_or(known.is_non_proprietary) as is_non_proprietary,
        bool_or(known.is_machine_readable) as is_machine_readable
    from {{ ref('stg_ecospheres__distributions') }} as distributions
    cross join
        unnest(distributions.format_iris || distributions.formats || distributions.media_types)
            as listed (format)
    inner join {{ ref('formats_fichiers') }} as known on lower(listed.format) ~ known.motif
    group by distributions.dump_date, distributions.dataset, distributions.distribution
),

licensed as (
    select distinct
        distributions.dump_date,
        distributions.dataset,
        distributions.distribution
    from {{ ref('stg_ecospheres__distributions') }} as distributions
    cross join unnest(distributions.license_iris) as listed (iri)
    inner join {{ ref('licences') }} as known on lower(listed.iri) ~ known.motif
),

shares as (
    select
        distributions.dump_date,
        distributions.dataset,
        avg((cardinality(distributions.access_urls) > 0)::integer) as has_access_url,
        avg((cardinality(distributions.download_urls) > 0)::integer) as has_download_url,
        avg((
            cardinality(distributions.format_iris) + cardinality(distributions.formats) > 0
        )::integer) as has_format,
        avg((cardinality(distributions.media_types) > 0)::integer) as has_media_type,
        avg((
            array_to_string(distributions.format_iris || distributions.media_types, ' ')
            ~ 'authority/file-type/|iana[.]org/assignments/media-types/'
        )::integer) as has_known_format,
        avg(coalesce(formats.is_non_proprietary, false)::integer) as is_non_proprietary,
        avg(coalesce(formats.is_machine_readable, false)::integer) as is_machine_readable,
        avg((cardinality(distributions.license_iris) > 0)::integer) as has_license,
        avg((licensed.distribution is not null)::integer) as has_known_license,
        avg(distributions.has_rights::integer) as has_rights,
        avg((cardinality(distributions.byte_sizes) > 0)::integer) as has_byte_size,
        avg((distributions.issue is not null)::integer) as has_issue,
        avg((distributions.modification is not null)::integer) as has_modification
    from {{ ref('stg_ecospheres__distributions') }} as distributions
    left join formats
        on
            distributions.dump_date = formats.dump_date
            and distributions.dataset = formats.dataset
            and distributions.distribution = formats.distribution
    left join licensed
        on
            distributions.dump_date = licensed.dump_date
            and distributions.dataset = licensed.dataset
            and distributions.distribution = licensed.distribution
    group by distributions.dump_date, distributions.dataset
),

measured as (
    select
        datasets.dump_date,
        datasets.dataset,
        listed.indicateur,
        listed.part
    from {{ ref('stg_ecospheres__datasets') }} as datasets
    left join shares
        on datasets.dump_date = shares.dump_date and datasets.dataset = shares.dataset
    cross join lateral (
        values
        ('keyword', (cardinality(datasets.keywords) > 0)::integer),
        ('theme', (cardinality(datasets.themes) > 0)::integer),
        ('spatial', datasets.has_place::integer),
        ('temporal', datasets.has_period::integer),
        ('download_url', shares.has_download_url),
        ('format', shares.has_format),
        ('media_type', shares.has_media_type),
        ('known_format', shares.has_known_format),
        ('non_proprietary', shares.is_non_proprietary),
        ('machine_readable', shares.is_machine_readable),
        (
            'dcat_ap',
            (
                nullif(btrim(datasets.title), '') is not null
                and nullif(btrim(datasets.description), '') is not null
                and coalesce(shares.has_access_url, 1) = 1
            )::integer
        ),
        ('license', shares.has_license),
        ('known_license', shares.has_known_license),
        (
            'access_rights',
            (cardinality(datasets.access_iris) + cardinality(datasets.access_labels) > 0)::integer
        ),
        (
            'known_access_rights',
            (
                array_to_string(datasets.access_iris, ' ')
                ~ 'https?://publications[.]europa[.]eu/resource/authority/access-right/'
            )::integer
        ),
        ('contact_point', (cardinality(datasets.contact_points) > 0)::integer),
        ('publisher', (cardinality(datasets.publishers) > 0)::integer),
        ('rights', greatest(datasets.has_rights::integer, shares.has_rights)),
        ('byte_size', shares.has_byte_size),
        ('issued', greatest((datasets.issue is not null)::integer, shares.has_issue)),
        (
            'modified',
            greatest((datasets.modification is not null)::integer, shares.has_modification)
        )
    ) as listed (indicateur, part)
)

select
    measured.dump_date,
    measured.dataset,
    weights.dimension,
    measured.indicateur,
    weights.points as points_possibles,
    weights.points * coalesce(measured.part, 0)::double precision as points
from measured
inner join {{ ref('mqa_indicateurs') }} as weights on measured.indicateur = weights.indicateur
