{#- On a warehouse where nothing is that a command reads, say so once, in the place of an error for each
    model and test. Where a part is there, what reads the other part fails by its own name. -#}
{% macro refuse_emptiness() -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'test', 'snapshot', 'retry') -%}
        {%- set read = read_by(selected_resources) -%}
        {%- for kind, way_out in ways_out().items() -%}
            {%- set names = read[kind] -%}
            {%- if names and not any_relation(names.values()) -%}
                {%- do exceptions.raise_compiler_error(
                    "None of the " ~ names | length ~ " " ~ kind ~ " that this command reads is in the warehouse yet ("
                    ~ names.values() | sort(attribute='label') | map(attribute='label') | list | batch(3) | first | join(', ')
                    ~ (", ..." if names | length > 3 else "") ~ "): " ~ way_out
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}


{% macro ways_out() -%}
    {{ return({
        'sources': "run a night first, `meltano run nightly`",
        'models': "build them first, `meltano invoke dbt:build`",
    }) }}
{%- endmacro %}


{#- The relations that the selected nodes read and that are not made by this command. -#}
{% macro read_by(selected) -%}
    {%- set read = {'sources': {}, 'models': {}} -%}
    {%- for key in selected if key in graph.nodes -%}
        {%- for parent in graph.nodes[key].depends_on.nodes -%}
            {%- set node = graph.sources.get(parent) or graph.nodes.get(parent) -%}
            {%- if node and not (parent in selected and flags.WHICH != 'test') and node.config.materialized != 'ephemeral' -%}
                {%- set name = node.identifier if node.resource_type == 'source' else node.alias -%}
                {%- do read['sources' if node.resource_type == 'source' else 'models'].update(
                    {parent: {'schema': node.schema, 'name': name, 'label': node.schema ~ "." ~ name}}
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(read) }}
{%- endmacro %}


{% macro any_relation(names) -%}
    {%- set pairs = [] -%}
    {%- for each in names -%}
        {%- do pairs.append("(" ~ literal(each.schema) ~ ", " ~ literal(each.name) ~ ")") -%}
    {%- endfor -%}
    {%- set found = run_query(
        "select exists (select from pg_catalog.pg_class as c"
        ~ " join pg_catalog.pg_namespace as n on n.oid = c.relnamespace"
        ~ " where (case n.nspname when 'external_next' then 'external' else n.nspname end, c.relname) in ("
        ~ pairs | join(", ") ~ "))"
    ) -%}
    {{ return(found.rows[0][0]) }}
{%- endmacro %}
