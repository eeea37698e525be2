{#- The first day of a date's month, a date whatever the session's time zone. -#}
{% macro month_of(date) -%}
    date_trunc('month', {{ date }}::timestamp)::date
{%- endmacro %}


{#- A date's month as people write it: 2024-01. -#}
{% macro month_text(date) -%}
    to_char({{ date }}, 'YYYY-MM')
{%- endmacro %}
