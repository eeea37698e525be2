{#- Note what became of each model and of its tests, for entrepot_info.as_of and the catalogue. -#}
{% macro note_results(results) -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'seed', 'test', 'retry') and results and has_record() -%}
        {%- set models = {} -%}
        {%- for result in results -%}
            {%- set node = result.node -%}
            {%- if node.resource_type in ('model', 'seed', 'snapshot') -%}
                {%- do noted(models, node).update({'made': result.status == 'success'}) -%}
            {%- elif node.resource_type == 'test' -%}
                {%- for parent in ([node.attached_node] if node.attached_node else node.depends_on.nodes) if parent in graph.nodes -%}
                    {%- do noted(models, graph.nodes[parent]).tests.append(result.status | string) -%}
                {%- endfor -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for model in models.values() %}
            {{ note_of(model) }};
        {%- endfor %}
        delete from entrepot_ops.models where (model_schema, model_name) not in (
            values ('', '')
            {%- for node in graph.nodes.values() if node.resource_type in ('model', 'seed', 'snapshot') -%}
                , ({{ literal(node.schema) }}, {{ literal(node.alias) }})
            {%- endfor -%}
        );
    {%- endif -%}
{%- endmacro %}


{#- Whether the record is there: commands that build nothing do not make it. -#}
{% macro has_record() -%}
    {{ return(run_query("select pg_catalog.to_regclass('entrepot_ops.models') is not null").rows[0][0]) }}
{%- endmacro %}


{#- What is known of a model by now. -#}
{% macro noted(models, node) -%}
    {%- if node.unique_id not in models -%}
        {%- do models.update({node.unique_id: {'schema': node.schema, 'name': node.alias, 'made': none, 'tests': []}}) -%}
    {%- endif -%}
    {{ return(models[node.unique_id]) }}
{%- endmacro %}


{% macro note_of(model) -%}
    {%- set warned = model.tests | select('equalto', 'warn') | list | length -%}
    {%- set failed = model.tests | reject('in', ['pass', 'warn', 'skipped']) | list | length -%}
    {%- set tests = model.tests | reject('equalto', 'skipped') | list | length -%}
    insert into entrepot_ops.models as noted
        (model_schema, model_name, built_at, is_current, tested_at, tests, warned_tests, failed_tests)
    values (
        {{ literal(model.schema) }}, {{ literal(model.name) }}, {{ "now()" if model.made else "null" }},
        {{ model.made is none or model.made }}, {{ "now()" if tests else "null" }}, {{ tests }}, {{ warned }}, {{ failed }}
    )
    on conflict (model_schema, model_name) do update set
        built_at = coalesce(excluded.built_at, noted.built_at),
        is_current = {{ "noted.is_current" if model.made is none else "excluded.is_current" }}
        {%- if tests -%}
        , tested_at = now(), tests = excluded.tests,
        warned_tests = excluded.warned_tests, failed_tests = excluded.failed_tests
        {%- endif -%}
{%- endmacro %}
