{#- Build a table beside the one that is read, and put it in its place.

    dbt's own materialization renames under a lock that waits behind the longest query, while every new
    reader queues behind the rename; then it drops the old table with CASCADE, and the views on it are
    gone until their own turn comes.
-#}
{% materialization table, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='table') -%}

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
    {%- set existing = load_cached_relation(relation) -%}
    {%- if existing is not none and not existing.is_table -%}
        {{ drop_relation_if_exists(existing) }}
        {%- set existing = none -%}
    {%- endif -%}
    {%- set next = make_intermediate_relation(relation) -%}
    {% do adapter.drop_relation(next) %}
    {% call statement('main') -%}
        {{ get_create_table_as_sql(False, next, sql) }}
    {%- endcall %}
    {% do create_indexes(next) %}
    {% do run_query("analyze " ~ next ~ "; " ~ comments_on(next, model)) %}
    {% do grant_select_to_reader(next) %}
    {% do run_query(swap_table_patiently(relation, next, existing is not none)) %}
{%- endmacro %}


{#- Put a table in the place of another without taking it, or the views built on it, from readers.

    A rename wants the table for itself: it is asked for in short tries, with nothing held in between,
    as a reader who comes later queues behind whoever waits. Views on the old table are made to read
    the new one in the same transaction, and keep their identity; those that its columns no longer fit
    are dropped, and follow in the same build. A view that is not ours keeps the old table, under
    another name, until it is gone; the next swap then removes it.
-#}
{% macro swap_table_patiently(relation, next, is_there) -%}
    {%- set old = relation.incorporate(path={'identifier': relation.identifier ~ '__previous'}) -%}
    do $entrepot$
    declare
        dependent record;
        views regclass[];
        texts text[];
    begin
        for attempt in 1..60 loop
            begin
                {%- if is_there %}
                begin
                    drop table if exists {{ old }};
                exception
                    when dependent_objects_still_exist then
                        raise exception 'a view that is not the warehouse''s still reads {{ old | string | replace("%", "%%") | replace("'", "''") }}'
                            using hint = 'see pg_depend; drop it or make it anew, then build again';
                end;
                select array_agg(distinct v.ev_class::regclass) into views
                from pg_catalog.pg_depend as d
                join pg_catalog.pg_rewrite as v on v.oid = d.objid
                join pg_catalog.pg_class as c on c.oid = v.ev_class
                where d.classid = 'pg_catalog.pg_rewrite'::regclass
                and d.refobjid = {{ literal(relation) }}::regclass
                and c.relkind = 'v' and pg_catalog.pg_has_role(c.relowner, 'USAGE');
                select array_agg(pg_catalog.pg_get_viewdef(v) order by n) into texts
                from unnest(views) with ordinality as u (v, n);
                alter table {{ relation }} rename to {{ adapter.quote(old.identifier) }};
                {%- endif %}
                alter table {{ next }} rename to {{ adapter.quote(relation.identifier) }};
                {%- if is_there %}
                for place in 1..coalesce(array_length(views, 1), 0) loop
                    begin
                        execute format('create or replace view %s as %s', views[place], texts[place]);
                    exception
                        when invalid_table_definition or undefined_column or datatype_mismatch
                            or undefined_function then
                            execute format('drop view %s cascade', views[place]);
                    end;
                end loop;
                begin
                    drop table {{ old }};
                exception
                    when dependent_objects_still_exist then
                        raise warning 'a view that is not the warehouse''s keeps {{ old | string | replace("%", "%%") | replace("'", "''") }}';
                end;
                {%- endif %}
                return;
            exception
                when lock_not_available then
                    perform pg_sleep(0.5);
            end;
        end loop;
        raise exception 'the table {{ relation | string | replace("'", "''") | replace('%', '%%') }} was in use for a minute'
            using errcode = 'lock_not_available',
            hint = 'see pg_locks for who reads it, then build again';
    end
    $entrepot$;
{%- endmacro %}
