{#- Empty a reference table before it is filled again. TRUNCATE, which dbt would write, waits for the
    longest reader and makes every new one wait behind it; DELETE leaves them the old rows until the new
    ones are there. A table that has changed its columns is made anew, by --full-refresh, and put in the
    place of the old one: dbt would drop the views on it. -#}
{% macro postgres__reset_csv_table(model, full_refresh, old_relation, agate_table) -%}
    {%- if full_refresh -%}
        {%- set make -%}
            create table {{ plain_name(old_relation) }} (
            {%- for column in agate_table.column_names -%}
                {{ adapter.quote_seed_column(column, model.config.get('quote_columns')) }}
                {{ model.config.get('column_types', {}).get(column, adapter.convert_type(agate_table, loop.index0)) }}
                {{- "," if not loop.last }}
            {%- endfor -%}
            )
        {%- endset -%}
        {% do put_in_place(old_relation, make) %}
        {{ return(make) }}
    {%- endif -%}
    {% do run_query("delete from " ~ old_relation) %}
    {{ return("delete from " ~ old_relation) }}
{%- endmacro %}
