{#- A column of a staging view has no nulls and no value twice.

    The replica's primary keys and unique constraints already say so of the source's column, and were
    verified when they were built: then the catalog is asked, whatever the table's size. Where there is
    none, the rows are.

    source_column: The column of the source's table that the view shows under another name.
-#}
{% test is_key(model, column_name, source_column='id') %}
    {%- set test = context.model -%}
    {%- set key = namespace(is_known=false) -%}
    {%- if execute and flags.WHICH in ('build', 'test') -%}
        {%- set staging = graph.nodes[test.attached_node] -%}
        {%- set source = graph.sources[staging.depends_on.nodes[0]] -%}
        {%- set key.is_known = has_key(source.schema, source.identifier, source_column) -%}
    {%- endif -%}
    {%- if key.is_known %}
        select null as {{ column_name }} where false
    {%- else %}
        select
            {{ column_name }},
            count(*) as rows
        from {{ model }}
        group by {{ column_name }}
        having count(*) > 1 or {{ column_name }} is null
    {%- endif %}
{% endtest %}
