{#- Typed values out of a file's text. What cannot be read is NULL: one wrong line must not cost the
    night; the test `readable` reports it. All are pure expressions that run on every PostgreSQL.

    `form` is DD/MM/YYYY or YYYY-MM-DD; a time may follow, HH:MM or HH:MM:SS.
-#}
{% macro read_date(text, form) -%}
    {%- set value = "btrim(" ~ text ~ ")" -%}
    {%- set time = "([ T](0?[0-9]|1[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?)?" -%}
    {%- set forms = {
        'DD/MM/YYYY': {
            'pattern': "^(0?[1-9]|[12][0-9]|3[01])/(0?[1-9]|1[0-2])/[12][0-9]{3}" ~ time ~ "$",
            'day': "split_part(" ~ value ~ ", '/', 1)",
            'month': "split_part(" ~ value ~ ", '/', 2)",
            'year': "left(split_part(" ~ value ~ ", '/', 3), 4)",
        },
        'YYYY-MM-DD': {
            'pattern': "^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])" ~ time ~ "$",
            'day': "substr(" ~ value ~ ", 9, 2)",
            'month': "substr(" ~ value ~ ", 6, 2)",
            'year': "left(" ~ value ~ ", 4)",
        },
    } -%}
    {%- set parts = forms[form] -%}
    {#- 31 February runs over into March, where its day is no longer 31. -#}
    {%- set day -%}
        (make_date({{ parts.year }}::int, {{ parts.month }}::int, 1) + {{ parts.day }}::int - 1)
    {%- endset -%}
    case
        when {{ value }} ~ '{{ parts.pattern }}'
            then case when extract(day from {{ day }}) = {{ parts.day }}::int then {{ day }} end
    end
{%- endmacro %}


{#- A timestamp without time zone; midnight where the text has no time. -#}
{% macro read_timestamp(text, form) -%}
    {{ read_date(text, form) }}
    + coalesce(
        substring(
            btrim({{ text }}) from '[ T]((0?[0-9]|1[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?)$'
        )::time,
        time '00:00'
    )
{%- endmacro %}


{#- The first day of a month that is written YYYY-MM. -#}
{% macro read_month(text) -%}
    {{ read_date(text ~ " || '-01'", 'YYYY-MM-DD') }}
{%- endmacro %}


{#- A month's number out of its English name or its own digits. -#}
{% macro read_month_name(text) -%}
    coalesce(
        array_position(
            array[
                'january', 'february', 'march', 'april', 'may', 'june', 'july', 'august',
                'september', 'october', 'november', 'december'
            ],
            lower(btrim({{ text }}))
        ),
        case when btrim({{ text }}) ~ '^(0?[1-9]|1[0-2])$' then btrim({{ text }})::int end
    )
{%- endmacro %}


{% macro read_integer(text) -%}
    case when btrim({{ text }}) ~ '^[+-]?[0-9]{1,18}$' then btrim({{ text }})::bigint end
{%- endmacro %}


{#- A decimal number; its mark may be a comma. -#}
{% macro read_number(text) -%}
    case
        when btrim({{ text }}) ~ '^[+-]?[0-9]+([.,][0-9]+)?$'
            then replace(btrim({{ text }}), ',', '.')::numeric
    end
{%- endmacro %}


{% macro read_flag(text) -%}
    case
        when lower(btrim({{ text }})) in ('1', 't', 'true') then true
        when lower(btrim({{ text }})) in ('0', 'f', 'false') then false
    end
{%- endmacro %}
