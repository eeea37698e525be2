{#- One text out of a jsonb list of {value, language}: the French one, else one without a language, else
    the first by language. -#}
{% macro preferred_text(column) -%}
    (
        select texts.entry ->> 'value'
        from jsonb_array_elements({{ column }}) as texts (entry)
        order by
            case
                when texts.entry ->> 'language' like 'fr%' then 0
                when texts.entry ->> 'language' is null then 1
                else 2
            end,
            texts.entry ->> 'language',
            texts.entry ->> 'value'
        limit 1
    )
{%- endmacro %}


{#- All texts of such a list, as text[]; an empty array for none. -#}
{% macro all_texts(column) -%}
    array(select texts.entry ->> 'value' from jsonb_array_elements({{ column }}) as texts (entry))
{%- endmacro %}


{#- The IRIs of a jsonb list of {iri, label}; blank nodes have none. -#}
{% macro all_iris(column) -%}
    array(
        select nodes.entry ->> 'iri'
        from jsonb_array_elements({{ column }}) as nodes (entry)
        where nodes.entry ->> 'iri' is not null
    )
{%- endmacro %}


{#- The labels of a jsonb list of {iri, label}, as text[]. -#}
{% macro all_labels(column) -%}
    array(
        select labels.entry ->> 'value'
        from jsonb_array_elements({{ column }}) as nodes (entry)
        cross join jsonb_array_elements(nodes.entry -> 'label') as labels (entry)
    )
{%- endmacro %}
