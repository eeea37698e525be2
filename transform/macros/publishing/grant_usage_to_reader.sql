{#- Rights on schemas: dbt's own `grants` covers relations only. Given again at each build, because
    a relation that was made anew has lost them. -#}
{% macro grant_usage_to_reader(schemas) -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'seed') and has_reader() -%}
        {%- set reader = adapter.quote(env_var('INTERNAL_READER', 'internal_reader')) -%}
        {%- for schema in schemas if schema in ('staging', 'enrichment') %}
            grant usage on schema {{ adapter.quote(schema) }} to {{ reader }};
            grant select on all tables in schema {{ adapter.quote(schema) }} to {{ reader }};
        {%- endfor %}
    {%- endif -%}
{%- endmacro %}


{#- The same for a table before it takes the place of one that can be read. -#}
{% macro grant_select_to_reader(relation) -%}
    {%- if relation.schema in ('staging', 'enrichment') and has_reader() -%}
        {% do run_query("grant select on " ~ relation ~ " to " ~ adapter.quote(env_var('INTERNAL_READER', 'internal_reader'))) %}
    {%- endif -%}
{%- endmacro %}


{% macro has_reader() -%}
    {%- set known = run_query(
        "select 1 from pg_roles where rolname = " ~ literal(env_var('INTERNAL_READER', 'internal_reader'))
    ) -%}
    {{ return(known | length > 0) }}
{%- endmacro %}
