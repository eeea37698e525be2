{#- A department's number as INSEE writes it: two digits at least, capitals, no blanks. Text or integer
    in, text out; what is no number of a department stays as it is, and nothing becomes NULL. -#}
{% macro department_code(column) -%}
    nullif(regexp_replace(upper(btrim(({{ column }})::text)), '^([1-9])$', '0\1'), '')
{%- endmacro %}
