{#- Where the tables of `external` are. The project, its tests and the catalogue call the schema by the
    name that partners know. They are built in `external_next`, where nobody reads; the publication
    renames that. So a table that waits there is newer than the one that partners read: who refers to
    it gets the one that waits, and the published one where none does, at any hour. -#}
{% macro waiting_place(relation) -%}
    {{ return(relation.incorporate(path={'schema': 'external_next'})) }}
{%- endmacro %}


{#- dbt's `ref`. The server is asked at each use, for a publication may rename the schema meanwhile. -#}
{% macro ref() -%}
    {%- set relation = builtins.ref(*varargs, **kwargs) -%}
    {%- if execute and relation.schema == 'external' -%}
        {%- set waiting = waiting_place(relation) -%}
        {%- set found = run_query("select pg_catalog.to_regclass(" ~ literal(waiting.include(database=false)) ~ ") is not null") -%}
        {{ return(waiting if found.rows[0][0] else relation) }}
    {%- endif -%}
    {{ return(relation) }}
{%- endmacro %}
