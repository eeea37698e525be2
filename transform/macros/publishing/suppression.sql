{#- The smallest number of people of whom `external` says anything. -#}
{% macro threshold() -%}
    {{ env_var('EXTERNAL_THRESHOLD', '11') }}
{%- endmacro %}


{#- Whether a part of a group may be counted: neither it nor what is left of the group is small, so
    that subtracting one from the other tells of nobody. Zero and the whole group are shown. -#}
{% macro may_tell_part(part, whole) -%}
    (({{ part }} = 0 or {{ part }} >= {{ threshold() }})
    and ({{ whole }} = {{ part }} or {{ whole }} - {{ part }} >= {{ threshold() }}))
{%- endmacro %}
