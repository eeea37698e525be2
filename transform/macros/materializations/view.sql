{#- Replace a view without taking it, or what is built on it, away from its readers.

    dbt's own materialization renames the old view and then drops it with CASCADE: views built on it
    are gone until their own turn comes, and a rename waits behind the longest query while every new
    reader queues behind the rename. CREATE OR REPLACE keeps the view's identity; its lock is asked
    for in short tries, with nothing held in between. A view whose columns change, or that was a table,
    is put in the place of the old one (see in_place.sql).
-#}
{% materialization view, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {%- set grant_config = config.get('grants') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% call statement('main') -%}
        {{ replace_view_patiently(target_relation, sql) }}
    {%- endcall %}
    {%- if run_query("select pg_catalog.current_setting('entrepot.is_replaced')").rows[0][0] == 'no' -%}
        {% do put_in_place(target_relation, "create view " ~ plain_name(target_relation) ~ " as " ~ sql) %}
    {%- endif -%}
    {%- set comments = comments_on(target_relation, model) -%}
    {%- if comments | trim -%}
        {% do run_query(comments) %}
    {%- endif -%}

    {% do apply_grants(target_relation, grant_config, should_revoke=True) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{#- One statement that tries for about a minute. Sub-transactions give the lock request back between
    two tries; the view's text travels as a quoted constant, whatever it holds. It tells in the setting
    entrepot.is_replaced whether the view could be replaced. -#}
{% macro replace_view_patiently(relation, sql) -%}
    do $entrepot$
    declare
        there constant text := {{ literal(plain_name(relation)) }};
        options constant text := (
            select ' with (' || array_to_string(reloptions, ', ') || ')'
            from pg_catalog.pg_class where oid = to_regclass(there) and relkind = 'v'
        );
        statement constant text := format('create or replace view %s%s as ', there, options) || {{ literal(sql) }};
    begin
        for attempt in 1..60 loop
            begin
                execute statement;
                perform set_config('entrepot.is_replaced', 'yes', false);
                return;
            exception
                when lock_not_available then
                    perform pg_sleep(0.5);
                when invalid_table_definition or wrong_object_type then
                    perform set_config('entrepot.is_replaced', 'no', false);
                    return;
            end;
        end loop;
        raise exception 'the view % was in use for a minute', there
            using errcode = 'lock_not_available',
            hint = 'see pg_locks for who reads it, then build again';
    end
    $entrepot$;
{%- endmacro %}
