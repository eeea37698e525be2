-- One row for each dataset and field: what is missing is counted in one place.
with names as (
    select
        datasets.dump_date,
        datasets.dataset,
        min(holders.agent_name) as rights_holder
    from {{ ref('stg_ecospheres__datasets') }} as datasets
    inner join {{ ref('stg_ecospheres__agents') }} as holders
        on
            datasets.dump_date = holders.dump_date
            and holders.agent = any(datasets.rights_holders)
    group by datasets.dump_date, datasets.dataset
),

catalogs as (
    select
        dump_date,
        dataset,
        min(catalog_name) as catalog
    from {{ ref('stg_ecospheres__catalog_records') }}
    group by dump_date, dataset
),

licensed as (
    select distinct
        dump_date,
        dataset
    from {{ ref('dataset_licenses') }}
),

placed as (
    select distinct
        dump_date,
        dataset
    from {{ ref('dataset_territories') }}
),

fields as (
    select
        datasets.dump_date,
        datasets.dataset,
        listed.champ,
        listed.is_missing
    from {{ ref('stg_ecospheres__datasets') }} as datasets
    left join names
        on datasets.dump_date = names.dump_date and datasets.dataset = names.dataset
    left join catalogs
        on datasets.dump_date = catalogs.dump_date and datasets.dataset = catalogs.dataset
    left join licensed
        on datasets.dump_date = licensed.dump_date and datasets.dataset = licensed.dataset
    left join placed
        on datasets.dump_date = placed.dump_date and datasets.dataset = placed.dataset
    cross join lateral (
        values
        ('catalog', catalogs.catalog is null),
        ('contact_point', cardinality(datasets.contact_points) = 0),
        ('licenses', licensed.dataset is null),
        ('modification', datasets.modification is null),
        ('rights_holder', names.rights_holder is null and not exists (
            select 1
            from unnest(datasets.rights_holders) as held (agent)
            where held.agent not like '\_:%'
        )),
        (
            'right_statement',
            cardinality(datasets.access_labels) = 0 and cardinality(datasets.access_iris) = 0
        ),
        ('spatial', placed.dataset is null),
        ('status', cardinality(datasets.statuses) = 0),
        ('title', nullif(btrim(datasets.title), '') is null)
    ) as listed (champ, is_missing)
)

select
    fields.dump_date,
    fields.dataset,
    counted.champ,
    fields.is_missing,
    counted.compte_vide
from fields
inner join {{ ref('champs_completude') }} as counted on fields.champ = counted.champ
