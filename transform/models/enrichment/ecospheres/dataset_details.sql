with completeness as (
    select
        dump_date,
        dataset,
        100.0 * count(*) filter (where not is_missing or compte_vide) / count(*)
            as percantage_filling,
        100.0 * count(*) filter (where not is_missing) / count(*) as taux_completude,
        coalesce(bool_or(is_missing) filter (where champ = 'catalog'), false)
            as is_missing_catalog,
        coalesce(bool_or(is_missing) filter (where champ = 'contact_point'), false)
            as is_missing_contact_point,
        coalesce(bool_or(is_missing) filter (where champ = 'licenses'), false)
            as is_missing_licenses,
        coalesce(bool_or(is_missing) filter (where champ = 'modification'), false)
            as is_missing_modification,
        coalesce(bool_or(is_missing) filter (where champ = 'rights_holder'), false)
            as is_missing_rights_holder,
        coalesce(bool_or(is_missing) filter (where champ = 'right_statement'), false)
            as is_missing_right_statement,
        coalesce(bool_or(is_missing) filter (where champ = 'spatial'), false)
            as is_missing_spatial,
        coalesce(bool_or(is_missing) filter (where champ = 'status'), false)
            as is_missing_status,
        coalesce(bool_or(is_missing) filter (where champ = 'title'), false)
            as is_missing_title
    from {{ ref('dataset_fields') }}
    group by dump_date, dataset
),

territories as (
    select
        dump_date,
        dataset,
        array_agg(distinct code) filter (where is_communal) as communes,
        array_agg(distinct departement) filter (where departement is not null) as departements,
        array_agg(distinct niveau) as niveaux
    from {{ ref('dataset_territories') }}
    group by dump_date, dataset
),

licenses as (
    select
        dump_date,
        dataset,
        array_agg(distinct iri) as license_iris,
        array_agg(distinct libelle) as licences
    from {{ ref('dataset_licenses') }}
    group by dump_date, dataset
),

universes as (
    select
        dump_date,
        dataset,
        array_agg(distinct univers) as univers,
        min(motif) as motif
    from {{ ref('dataset_universes') }}
    group by dump_date, dataset
),

catalogs as (
    select
        dump_date,
        dataset,
        min(catalog_name) as catalog
    from {{ ref('stg_ecospheres__catalog_records') }}
    group by dump_date, dataset
),

people as (
    select
        datasets.dump_date,
        datasets.dataset,
        min(agents.agent_name) filter (where agents.agent = any(datasets.rights_holders))
            as rights_holder,
        min(agents.agent_name) filter (where agents.agent = any(datasets.creators)) as creator
    from {{ ref('stg_ecospheres__datasets') }} as datasets
    inner join {{ ref('stg_ecospheres__agents') }} as agents
        on
            datasets.dump_date = agents.dump_date
            and agents.agent = any(datasets.rights_holders || datasets.creators)
    group by datasets.dump_date, datasets.dataset
),

contacts as (
    select
        datasets.dump_date,
        datasets.dataset,
        min(contacts.contact_mail) as contact_mail
    from {{ ref('stg_ecospheres__datasets') }} as datasets
    inner join {{ ref('stg_ecospheres__contact_points') }} as contacts
        on
            datasets.dump_date = contacts.dump_date
            and contacts.contact_point = any(datasets.contact_points)
    group by datasets.dump_date, datasets.dataset
),

statuses as (
    select
        datasets.dump_date,
        datasets.dataset,
        min(substring(listed.iri from '[^/#]+$')) as status_code,
        min(coalesce(known.libelle, substring(listed.iri from '[^/#]+$'))) as status
    from {{ ref('stg_ecospheres__datasets') }} as datasets
    cross join unnest(datasets.statuses) as listed (iri)
    left join {{ ref('dcat_statuts') }} as known
        on known.code = substring(listed.iri from '[^/#]+$')
    group by datasets.dump_date, datasets.dataset
)

select
    datasets.dump_date,
    datasets.dataset,
    datasets.is_series,
    datasets.title,
    datasets.description,
    datasets.keywords,
    datasets.themes,
    datasets.access_labels,
    datasets.modification,
    case
        when datasets.modification ~ '^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])'
            then left(datasets.modification, 10)::date
    end as modified_on,
    -- An agent that the catalogue does not describe is known by its IRI alone.
    coalesce(people.creator, datasets.creators[1]) as creator,
    coalesce(
        people.rights_holder,
        (
            select min(held.agent)
            from unnest(datasets.rights_holders) as held (agent)
            where held.agent not like '\_:%'
        )
    ) as rights_holder,
    contacts.contact_mail,
    statuses.status_code,
    statuses.status,
    catalogs.catalog,
    coalesce(licenses.license_iris, '{}') as license_iris,
    coalesce(licenses.licences, '{}') as licences,
    coalesce(territories.communes, '{}') as communes,
    coalesce(territories.departements, '{}') as departements,
    case
        when cardinality(territories.communes) > 0 then 'Communale'
        when territories.niveaux && array['epci', 'intercommunalite', 'communauteDeCommunes']
            then 'Intercommunale'
        when territories.niveaux && array['arrondissement', 'departement'] then 'Départementale'
        when 'region' = any(territories.niveaux) then 'Régionale'
        when 'pays' = any(territories.niveaux) then 'Nationale'
    end as couverture,
    coalesce(universes.univers, '{}') as univers,
    universes.motif as univers_motif,
    exists(
        select 1
        from {{ ref('motifs_acces_ouvert') }} as open_access
        where
            case open_access.genre
                when 'iri' then open_access.motif = any(datasets.access_iris)
                when 'texte'
                    then exists (
                        select 1
                        from unnest(datasets.access_labels) as labels (label)
                        where
                            strpos(
                                {{ plain_text('labels.label') }},
                                {{ plain_text('open_access.motif') }}
                            ) > 0
                    )
            end
    ) as is_open,
    completeness.percantage_filling::double precision as percantage_filling,
    completeness.taux_completude::double precision as taux_completude,
    completeness.is_missing_catalog,
    completeness.is_missing_contact_point,
    completeness.is_missing_licenses,
    completeness.is_missing_modification,
    completeness.is_missing_rights_holder,
    completeness.is_missing_right_statement,
    completeness.is_missing_spatial,
    completeness.is_missing_status,
    completeness.is_missing_title,
    datasets.source_file,
    datasets.page
from {{ ref('stg_ecospheres__datasets') }} as datasets
inner join completeness
    on datasets.dump_date = completeness.dump_date and datasets.dataset = completeness.dataset
left join territories
    on datasets.dump_date = territories.dump_date and datasets.dataset = territories.dataset
left join licenses
    on datasets.dump_date = licenses.dump_date and datasets.dataset = licenses.dataset
left join universes
    on datasets.dump_date = universes.dump_date and datasets.dataset = universes.dataset
left join catalogs
    on datasets.dump_date = catalogs.dump_date and datasets.dataset = catalogs.dataset
left join people
    on datasets.dump_date = people.dump_date and datasets.dataset = people.dataset
left join contacts
    on datasets.dump_date = contacts.dump_date and datasets.dataset = contacts.dataset
left join statuses
    on datasets.dump_date = statuses.dump_date and datasets.dataset = statuses.dataset
