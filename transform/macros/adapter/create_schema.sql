{#- Make the schema of a model. That of `external` is made by its publication: an empty one would take
    its place for whoever looks. -#}
{% macro postgres__create_schema(relation) -%}
    {%- if relation.schema == 'external' -%}
        {%- set relation = waiting_place(relation) -%}
    {%- endif -%}
    {%- call statement('create_schema') -%}
        create schema if not exists {{ adapter.quote(relation.schema) }}
    {%- endcall -%}
{%- endmacro %}
