{#- Build a table that follows an append table (see following.sql), or build it anew.

    By ranges: the model's rows are computed first, what they replace is deleted, they are inserted,
    and the change up to which the table now holds is noted, all in one transaction. `removes` lists
    what is replaced: the rest of `delete from this model as old`, where changed_ranges (low, high) and
    incoming, the new rows, can be named.

    Whole: a table is built beside, indexed and analysed, and then swapped with the old one.
-#}
{% materialization following, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set chosen = modules.re.search('following: (whole|ranges) (None|\\d+) ?(\\[.*\\])? \\*/', sql) -%}
    {%- if chosen is none -%}
        {{ exceptions.raise_compiler_error(model.name ~ " must read what it follows through changed_rows") }}
    {%- endif -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if chosen.group(1) == 'ranges' -%}
        {% call statement('main') -%}
            {{ follow_ranges(target_relation, sql, fromjson(chosen.group(3))) }}
        {%- endcall %}
    {%- else -%}
        {%- if existing is not none and not existing.is_table -%}
            {{ drop_relation_if_exists(existing) }}
            {%- set existing = none -%}
        {%- endif -%}
        {%- set next = make_intermediate_relation(target_relation, '__next') -%}
        {% do adapter.drop_relation(next) %}
        {% call statement('main') -%}
            {{ get_create_table_as_sql(False, next, sql) }}
        {%- endcall %}
        {% do create_indexes(next) %}
        {% do run_query("analyze " ~ next) %}
        {% do grant_select_to_reader(next) %}
        {% do run_query(swap_table_patiently(target_relation, next, existing is not none)) %}
    {%- endif -%}

    {%- if chosen.group(2) == 'None' -%}
        {% do run_query("delete from entrepot_ops.following where model_schema = " ~ literal(this.schema) ~ " and model_name = " ~ literal(this.identifier)) %}
    {%- else -%}
        {% do run_query(
            "insert into entrepot_ops.following (model_schema, model_name, checksum, change_id) values ("
            ~ literal(this.schema) ~ ", " ~ literal(this.identifier) ~ ", "
            ~ literal(local_md5(model.raw_code)) ~ ", " ~ chosen.group(2) ~ ")"
            ~ " on conflict (model_schema, model_name) do update set checksum = excluded.checksum,"
            ~ " change_id = excluded.change_id, built_at = now()"
        ) %}
    {%- endif -%}

    {% do apply_grants(target_relation, config.get('grants'), should_revoke=True) %}
    {% do persist_docs(target_relation, model) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{% macro follow_ranges(relation, sql, ranges) -%}
    create temporary table changed_ranges (low bigint, high bigint) on commit drop;
    {%- for low, high in ranges %}
    insert into changed_ranges values ({{ low }}, {{ high }});
    {%- endfor %}
    create temporary table incoming on commit drop as {{ sql }};
    analyze incoming;
    {%- for removed in config.require('removes') %}
    delete from {{ relation }} as old {{ removed }};
    {%- endfor %}
    insert into {{ relation }} select * from incoming;
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
