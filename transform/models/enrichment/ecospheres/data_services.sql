-- Services of the latest dump, and the datasets that they serve: as the service says, or as a
-- distribution says that it is given by the service.
with served as (
    select
        services.dump_date,
        services.data_service,
        listed.dataset
    from {{ ref('stg_ecospheres__data_services') }} as services
    cross join unnest(services.served_datasets) as listed (dataset)
    union
    select
        distributions.dump_date,
        listed.data_service,
        distributions.dataset
    from {{ ref('stg_ecospheres__distributions') }} as distributions
    cross join unnest(distributions.access_services) as listed (data_service)
),

counted as (
    select
        dump_date,
        data_service,
        count(*) as datasets
    from served
    group by dump_date, data_service
),

named as (
    select
        services.dump_date,
        services.data_service,
        min(agents.agent_name) as publisher
    from {{ ref('stg_ecospheres__data_services') }} as services
    inner join {{ ref('stg_ecospheres__agents') }} as agents
        on
            services.dump_date = agents.dump_date
            and agents.agent = any(services.publishers)
    group by services.dump_date, services.data_service
)

select
    services.data_service,
    services.title,
    services.description,
    services.endpoint_urls,
    services.description_urls,
    coalesce(counted.datasets, 0) as datasets,
    services.license_iris,
    named.publisher,
    services.hvd_categories,
    services.applicable_legislation
from {{ ref('stg_ecospheres__data_services') }} as services
left join counted
    on
        services.dump_date = counted.dump_date
        and services.data_service = counted.data_service
left join named
    on
        services.dump_date = named.dump_date
        and services.data_service = named.data_service
where
    services.dump_date = (
        select max(latest.dump_date)
        from {{ ref('stg_ecospheres__datasets') }} as latest
    )
