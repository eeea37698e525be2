{#- Replace a view without taking it, or what is built on it, away from its readers.

    dbt's own materialization renames the old view and then drops it with CASCADE: views built on it
    are gone until their own turn comes, and a rename waits behind the longest query while every new
    reader queues behind the rename. CREATE OR REPLACE keeps the view's identity; its lock is asked
    for in short tries, with nothing held in between. A view whose columns change cannot be replaced
    so: it is then dropped and made again in one transaction, and what is built on it follows in the
    same build.
-#}
{% materialization view, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set grant_config = config.get('grants') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if existing is not none and not existing.is_view -%}
        {{ drop_relation_if_exists(existing) }}
    {%- endif -%}

    {% call statement('main') -%}
        {{ replace_view_patiently(target_relation, sql) }}
        {{ comments_on(target_relation, model) }}
    {%- endcall %}

    {% do apply_grants(target_relation, grant_config, should_revoke=True) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{#- One statement that tries for about a minute. Sub-transactions give the lock request back between
    two tries; the view's text travels as a quoted constant, whatever it holds. -#}
{% macro replace_view_patiently(relation, sql) -%}
    {%- set statement = "create or replace view " ~ relation ~ " as " ~ sql -%}
    do $entrepot$
    declare
        statement constant text := {{ dbt.string_literal(statement | replace("'", "''")) }};
        incompatible boolean := false;
    begin
        for attempt in 1..60 loop
            begin
                if incompatible then
                    execute {{ dbt.string_literal("drop view " ~ (relation | string | replace("'", "''")) ~ " cascade") }};
                end if;
                execute statement;
                return;
            exception
                when lock_not_available then
                    perform pg_sleep(0.5);
                when invalid_table_definition then
                    incompatible := true;
            end;
        end loop;
        raise exception 'the view {{ relation | string | replace("'", "''") | replace('%', '%%') }} was in use for a minute'
            using errcode = 'lock_not_available',
            hint = 'see pg_locks for who reads it, then build again';
    end
    $entrepot$;
{%- endmacro %}
