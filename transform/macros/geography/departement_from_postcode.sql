{#- The department that a postcode lies in, as INSEE numbers it: 06, 2A, 971, 977 (Saint-Barthélemy).

    Postcodes follow departments, except in Corsica, on the islands that left Guadeloupe but kept
    its postcodes, and on Clipperton, which shares Polynesia's. What is no French postcode gives
    NULL, Monaco's (980xx) too. One digit of the five may be missing: spreadsheets eat leading
    zeros. Some forty communes have the postcode of a neighbouring department: only their INSEE
    code would tell.

    Argument: a text or integer expression. Result: text; a pure expression, with no function of ours.
-#}
{% macro departement_from_postcode(column) -%}
    {%- set postcode = "regexp_replace(btrim((" ~ column ~ ")::text), '^([0-9]{4})$', '0\\1')" -%}
    case
        when {{ postcode }} !~ '^[0-9]{5}$' then null
        when {{ postcode }} = '97133' then '977'
        when {{ postcode }} = '97150' then '978'
        when {{ postcode }} = '98799' then '989'
        when {{ postcode }} ~ '^(97[1-8]|98[4678])' then left({{ postcode }}, 3)
        when {{ postcode }} ~ '^20[01]' then '2A'
        when {{ postcode }} ~ '^20[26]' then '2B'
        when {{ postcode }} ~ '^(0[1-9]|1[0-9]|2[1-9]|[3-8][0-9]|9[0-5])' then left({{ postcode }}, 2)
    end
{%- endmacro %}
