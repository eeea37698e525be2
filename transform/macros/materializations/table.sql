{#- Build a table beside the one that is read, and put it in its place.

    dbt's own materialization renames under a lock that waits behind the longest query, while every new
    reader queues behind the rename; then it drops the old table with CASCADE, and the views on it are
    gone until their own turn comes.
-#}
{% materialization table, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- if this.schema == 'external' -%}
        {%- set target_relation = waiting_place(target_relation) -%}
    {%- endif -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% do replace_table_patiently(target_relation, sql) %}

    {% do apply_grants(target_relation, config.get('grants'), should_revoke=True) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{#- The table is whole, indexed, analysed, described and readable before anybody can see it. -#}
{% macro replace_table_patiently(relation, sql) -%}
    {%- set next = make_intermediate_relation(relation) -%}
    {% do adapter.drop_relation(next) %}
    {% call statement('main') -%}
        {{ get_create_table_as_sql(False, next, sql) }}
    {%- endcall %}
    {% do create_indexes(next) %}
    {%- set key = key_statement(next, model) -%}
    {%- if key | trim -%}
        {% do run_query(key) %}
    {%- endif -%}
    {% do run_query("analyze " ~ next ~ "; " ~ comments_on(next, model)) %}
    {% do grant_select_to_reader(next) %}
    {% do put_in_place(relation, "alter table " ~ next ~ " rename to " ~ adapter.quote(relation.identifier)) %}
{%- endmacro %}
