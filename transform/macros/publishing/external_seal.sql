{#- The tables of `external` are built in `external_next`, where nobody reads, and published by
    `pg-replica publish-external`. It publishes what one whole build made and tested, which this
    build says by a comment on the schema: the seal. Whoever begins to build breaks it. -#}
{% macro external_contract() -%}
    {%- set tables = {} -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.fqn[1] == 'external' -%}
        {%- do tables.update({node.unique_id: {'name': node.alias, 'rows_of': node.config.meta.get('rows_of')}}) -%}
    {%- endfor -%}
    {{ return(tables) }}
{%- endmacro %}


{% macro break_external_seal() -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'retry') -%}
        {%- set contract = external_contract() -%}
        {%- if contract.keys() | select('in', selected_resources) | list -%}
            -- A publication under way holds it until it is done: what we build is then the next one.
            -- A lock on a table of ours: an advisory lock is anybody's.
            lock table entrepot_ops.external_build in exclusive mode;
            create schema if not exists external_next;
            comment on schema external_next is 'being built';
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{#- Every table of the contract was made and every test of them passed, by this build, in which
    nothing failed. Where no model of `external` is on, entrepot-dbt seals an empty contract:
    dbt runs no hook where it has nothing to build. -#}
{% macro seal_external(results) -%}
    {%- if execute and flags.WHICH == 'build' and not flags.EMPTY -%}
        {%- set contract = external_contract() -%}
        {%- set wanted = contract.keys() | list -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'test' -%}
            {%- if node.depends_on.nodes | select('in', contract) | list -%}
                {%- do wanted.append(node.unique_id) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set passed = [] -%}
        {%- set failed = [] -%}
        {%- for result in results -%}
            {%- if result.status in ('success', 'pass', 'warn', 'no-op') -%}
                {%- do passed.append(result.node.unique_id) -%}
            {%- else -%}
                {%- do failed.append(result.node.unique_id) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set is_whole = not failed and not (wanted | reject('in', passed) | list) -%}
        {%- set seal = tojson({'sealed_by': invocation_id, 'tables': contract.values() | list}) -%}
        {%- if is_whole and contract -%}
            create schema if not exists external_next;
            comment on schema external_next is {{ dbt.string_literal(seal | replace("'", "''")) }};
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
