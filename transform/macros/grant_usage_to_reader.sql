{#- Rights on schemas: dbt's own `grants` covers relations only. Given again at each build, because
    a relation that was made anew has lost them. -#}
{% macro grant_usage_to_reader(schemas) -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'seed') -%}
        {%- set reader = env_var('INTERNAL_READER', 'internal_reader') -%}
        {%- set known = run_query("select 1 from pg_roles where rolname = '" ~ reader | replace("'", "''") ~ "'") -%}
        {%- if known | length > 0 -%}
            {%- for schema in schemas if schema in ('staging', 'enrichment') %}
                grant usage on schema {{ adapter.quote(schema) }} to {{ adapter.quote(reader) }};
                grant select on all tables in schema {{ adapter.quote(schema) }} to {{ adapter.quote(reader) }};
            {%- endfor %}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
