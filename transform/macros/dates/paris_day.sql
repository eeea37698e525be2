{#- The calendar day in Paris of a timestamptz. (`UTC+1` would be one hour west, all year round.) -#}
{% macro paris_day(column) -%}
    ({{ column }} at time zone 'Europe/Paris')::date
{%- endmacro %}
