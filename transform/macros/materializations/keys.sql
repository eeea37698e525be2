{#- The columns that the model's tests say tell its rows apart: one that is `unique` and `not_null`, or those
    of `is_key_together`; a test that only warns says nothing. Without such tests, those of a unique index. -#}
{% macro tested_key(model) -%}
    {%- set tested = {'unique': [], 'not_null': [], 'is_key_together': []} -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'test' and node.attached_node == model.unique_id -%}
        {%- set test = node.test_metadata -%}
        {%- if test and test.name in tested and node.config.severity | lower == 'error' and not node.config.where -%}
            {%- do tested[test.name].append(test.kwargs.columns or node.column_name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for column in tested.unique if column in tested.not_null -%}
        {{ return([column]) }}
    {%- endfor -%}
    {%- if tested.is_key_together -%}
        {{ return(tested.is_key_together[0]) }}
    {%- endif -%}
    {%- for index in model.config.get('indexes') or [] if index.unique -%}
        {{ return(index.columns) }}
    {%- endfor -%}
    {{ return([]) }}
{%- endmacro %}


{#- The statement that makes them the table's primary key, where the rows allow: where they do not, the test
    says so. Readers see keys where they have a right beside SELECT: it is on a column that alone is none. -#}
{% macro key_statement(relation, model) -%}
    {%- set key = [] -%}
    {%- for column in tested_key(model) -%}
        {%- do key.append(adapter.quote(column)) -%}
    {%- endfor -%}
    {%- if key and not config.get('contract').enforced %}
        do $entrepot$
        declare
            other name;
        begin
            alter table {{ relation }} add primary key ({{ key | join(", ") }});
            {%- if has_reader() %}
            select a.attname into other
            from pg_catalog.pg_attribute as a
            where a.attrelid = {{ literal(relation) }}::regclass and a.attnum > 0 and not a.attisdropped
                and not exists (
                    select from pg_catalog.pg_index as i
                    where i.indrelid = a.attrelid and i.indisunique and i.indnkeyatts = 1 and i.indkey[0] = a.attnum
                )
            order by a.attnum limit 1;
            if other is not null then
                execute format({{ literal("grant references (%I) on " ~ relation ~ " to " ~ adapter.quote(env_var('INTERNAL_READER', 'internal_reader'))) }}, other);
            end if;
            {%- endif %}
        exception
            when unique_violation or not_null_violation then null;
        end
        $entrepot$;
    {%- endif -%}
{%- endmacro %}
