{#- The ISO 3166-2 code of a department: FR-06, FR-2A, FR-971. What is no department gives NULL.

    Numbers that are no ISO code: 75 is Paris (75C), 20 is Corsica before 1976 (20R), and the
    collectivities overseas have letters. 97 and 98 stand for all that lies there, as some files know
    no more (FR-HACK-97, FR-HACK-98 in the seed `territories`).

    Arguments: `column`, a text or integer expression; `rhone`, what 69 stands for. Most files mean
    the Rhône with Lyon's metropolis, FR-HACK-RHONE; where 69M is told apart, pass FR-69.
    Result: text; a pure expression, with no function of ours.
-#}
{% macro department_iso(column, rhone='FR-HACK-RHONE') -%}
    {%- set code = department_code(column) -%}
    case {{ code }}
        when '69' then '{{ rhone }}'
        when '75' then 'FR-75C'
        when '20' then 'FR-20R'
        when '97' then 'FR-HACK-97'
        when '98' then 'FR-HACK-98'
        when '975' then 'FR-PM'
        when '977' then 'FR-BL'
        when '978' then 'FR-MF'
        when '984' then 'FR-TF'
        when '986' then 'FR-WF'
        when '987' then 'FR-PF'
        when '988' then 'FR-NC'
        when '989' then 'FR-CP'
        else
            case
                when {{ code }} ~ '^(0[1-9]|1[0-9]|2[1-9AB]|[3-8][0-9]|9[0-5]|97[12346]|20R|6AE|69M|75C)$'
                    then 'FR-' || {{ code }}
            end
    end
{%- endmacro %}
