{#- Say on schemas and on the sources' tables what the project knows of them, where nobody has said anything:
    what production says of its own tables stays. The replica's tables are new each night, so this comes
    with each build. What is in use, or not ours, is left for the next. -#}
{% macro describe_sources() -%}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- set said = [] -%}
        {%- for schema, text in schema_descriptions().items() -%}
            {%- do said.append("('schema', " ~ literal(schema) ~ ", '', '', " ~ literal(text) ~ ")") -%}
        {%- endfor -%}
        {%- for source in graph.sources.values() -%}
            {%- set place = literal(source.schema) ~ ", " ~ literal(source.identifier) ~ ", " -%}
            {%- if source.description -%}
                {%- do said.append("('table', " ~ place ~ "'', " ~ literal(source.description) ~ ")") -%}
            {%- endif -%}
            {%- for column in source.columns.values() if column.description -%}
                {%- do said.append("('column', " ~ place ~ literal(column.name) ~ ", " ~ literal(column.description) ~ ")") -%}
            {%- endfor -%}
        {%- endfor -%}
        do $entrepot$
        declare
            statement text;
        begin
            for statement in
                select case kind
                    when 'schema' then format('comment on schema %I is %L', n.nspname, description)
                    when 'table' then format(
                        'comment on %s %I.%I is %L',
                        case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table' else 'table' end,
                        n.nspname, c.relname, description
                    )
                    else format('comment on column %I.%I.%I is %L', n.nspname, c.relname, a.attname, description)
                end
                from (values {{ said | join(", ") }}) as said (kind, schema_name, table_name, column_name, description)
                join pg_catalog.pg_namespace as n on n.nspname = said.schema_name
                left join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = said.table_name
                left join pg_catalog.pg_attribute as a
                    on a.attrelid = c.oid and a.attname = said.column_name and a.attnum > 0 and not a.attisdropped
                where case kind
                    when 'schema' then pg_catalog.pg_has_role(n.nspowner, 'USAGE')
                        and obj_description(n.oid, 'pg_namespace') is null
                    when 'table' then pg_catalog.pg_has_role(c.relowner, 'USAGE')
                        and obj_description(c.oid, 'pg_class') is null
                    else pg_catalog.pg_has_role(c.relowner, 'USAGE') and a.attname is not null
                        and col_description(c.oid, a.attnum) is null
                end
            loop
                begin
                    execute statement;
                exception
                    when lock_not_available or insufficient_privilege or undefined_table or undefined_column then null;
                end;
            end loop;
        end
        $entrepot$;
    {%- endif -%}
{%- endmacro %}


{% macro schema_descriptions() -%}
    {%- set replica = env_var('REPLICA_SCHEMA', 'pix') -%}
    {{ return({
        replica: "The replica of production, table by table. As of when: select * from entrepot_info.as_of",
        replica ~ "_incremental": "The tables of production that only grow; " ~ replica ~ " shows them as views",
        'raw_lcms': "Learning content, as it came",
        'raw_csv': "Files, as they came: read staging and enrichment",
        'raw_dcat': "Open-data catalogues, as they came",
        'staging': "One view per source table: names in snake_case, right types, no direct identifiers",
        'enrichment': "Joins, sums and histories that answer a question: begin here",
    }) }}
{%- endmacro %}
