{#- Whether a valid unique index stands for a column that is never null. An append table is a view of
    its table in another schema. -#}
{% macro has_key(schema, table, column) -%}
    {%- set found = run_query(
        "select 1 from pg_catalog.pg_index as i"
        ~ " join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]"
        ~ " join pg_catalog.pg_class as c on c.oid = i.indrelid"
        ~ " join pg_catalog.pg_namespace as n on n.oid = c.relnamespace"
        ~ " where n.nspname in (" ~ literal(schema) ~ ", " ~ literal(schema ~ "_incremental") ~ ")"
        ~ " and c.relname = " ~ literal(table) ~ " and a.attname = " ~ literal(column)
        ~ " and a.attnotnull and i.indisunique and i.indisvalid and i.indnkeyatts = 1"
        ~ " and i.indpred is null"
    ) -%}
    {{ return(found | length > 0) }}
{%- endmacro %}
