{#- Empty a reference table before it is filled again. TRUNCATE, which dbt would write, waits for the
    longest reader and makes every new one wait behind it; DELETE leaves them the old rows until the new
    ones are there. A table that has changed its columns is made anew, by --full-refresh. -#}
{% macro postgres__reset_csv_table(model, full_refresh, old_relation, agate_table) -%}
    {%- if full_refresh -%}
        {{ adapter.drop_relation(old_relation) }}
        {{ return(create_csv_table(model, agate_table)) }}
    {%- endif -%}
    {% do run_query("delete from " ~ old_relation) %}
    {{ return("delete from " ~ old_relation) }}
{%- endmacro %}
