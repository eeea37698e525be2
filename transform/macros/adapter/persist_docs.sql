{#- The descriptions of a relation and its columns, as comments on them, in one statement: dbt asks for
    the columns first, once for each model, and only warns of one that is not there. Here it fails the
    build, by its name. -#}
{% macro postgres__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- set comments = comments_on(relation, model) -%}
    {%- if comments | trim -%}
        {% do run_query(comments) %}
    {%- endif -%}
{%- endmacro %}


{% macro comments_on(relation, model) -%}
    {%- if config.persist_relation_docs() and model.description -%}
        {{ alter_relation_comment(relation, model.description) }}
    {%- endif -%}
    {%- if config.persist_column_docs() -%}
        {%- for column in model.columns.values() %}
            comment on column {{ relation }}.{{ adapter.quote(column.name) }} is
            {{ postgres_escape_comment(column.description) }};
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
