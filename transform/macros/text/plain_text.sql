{#- A text as patterns are compared with it: small letters without accents, straight apostrophes, single
    blanks. A pure expression: `unaccent` is an extension, and `lower` knows no accents in every locale. -#}
{% macro plain_text(column) -%}
    btrim(
        regexp_replace(
            lower(
                translate(
                    normalize({{ column }}, nfc),
                    'àâäáãåÀÂÄÁÃÅçÇéèêëÉÈÊËîïíìÎÏÍÌôöóòõÔÖÓÒÕùûüúÙÛÜÚÿŸñÑ’‘ʼ' || chr(160) || chr(8239),
                    'aaaaaaaaaaaacceeeeeeeeiiiiiiiioooooooooouuuuuuuuyynn''''''' || '  '
                )
            ),
            '\s+', ' ', 'g'
        )
    )
{%- endmacro %}
