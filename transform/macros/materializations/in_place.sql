{#- Put a relation in the place of another without taking it, or what is built on it, from anybody.

    The one that is there is renamed to `…__previous`, the new one is made under its name and gets the
    rights that were given on the old one, and the views on it are made to read the new one; all in one
    transaction. A view keeps its identity where its columns allow. Where they do not, it and the views
    on it are dropped and made again as they were: options, owner, rights and comments. What cannot be
    made again is not touched: it keeps what it reads, under the new name, until its own turn comes or
    somebody changes it; it is named, and the next build refuses to begin while it is there.

    A rename wants the relation for itself: it is asked for in short tries, with nothing held in
    between, as a reader who comes later queues behind whoever waits.

    make: The statement that makes the new relation under its name.
-#}
{% macro put_in_place(relation, make) -%}
    {%- set old = relation.incorporate(path={'identifier': relation.identifier ~ '__previous'}) -%}
    {%- do run_query(put_in_place_sql(relation, old, make)) -%}
    {%- set said = run_query(
        "select pg_catalog.current_setting('entrepot.left_behind'), pg_catalog.current_setting('entrepot.refusal')"
    ).rows[0] -%}
    {%- set left, refusal = said[0], said[1] -%}
    {%- if refusal -%}
        {#- dbt takes back all that was done; an error of the server's would not be told, for it may hold values. -#}
        {%- do exceptions.raise_compiler_error(
            relation.schema ~ "." ~ relation.identifier ~ " stays as it is, because " ~ refusal
        ) -%}
    {%- endif -%}
    {%- set ours = [] -%}
    {%- for key in selected_resources if key in graph.nodes -%}
        {%- do ours.append("view " ~ graph.nodes[key].schema ~ "." ~ graph.nodes[key].alias ~ " ") -%}
    {%- endfor -%}
    {%- set named = [] -%}
    {#- A model of this build comes to its own turn. -#}
    {%- for line in left.splitlines() if not ours | select('in', line ~ ' ') | list -%}
        {%- do named.append(line) -%}
    {%- endfor -%}
    {%- if named -%}
        {%- do exceptions.warn(
            relation.schema ~ "." ~ relation.identifier ~ " is new, and could not be given to what reads it; "
            ~ "this keeps the rows of before, as " ~ old.identifier ~ ", and the next build refuses to begin: "
            ~ named | join("; ") ~ ". Drop it or make it anew."
        ) -%}
    {%- endif -%}
{%- endmacro %}


{% macro put_in_place_sql(relation, old, make) -%}
    {%- set there, before = plain_name(relation), plain_name(old) -%}
    do $entrepot$
    declare
        there constant text := {{ literal(there) }};
        before constant text := {{ literal(before) }};
        make constant text := {{ literal(make) }};
        views jsonb;
        rights text[];
        options text;
        view record;
        tree text[];
        step text;
        statement text;
        kept_by text;
        reasons text := '';
    begin
        for attempt in 1..60 loop
            begin
                reasons := '';
                perform set_config('entrepot.left_behind', '', false), set_config('entrepot.refusal', '', false);
                if to_regclass(before) is not null then
                    begin
                        execute {{ drop_of('before') }};
                    exception
                        when dependent_objects_still_exist then
                            get stacked diagnostics kept_by = pg_exception_detail;
                            perform set_config('entrepot.refusal', 'something still reads what it was before: '
                                || kept_by || '; drop it, or make it anew, then build again', false);
                            return;
                    end;
                end if;
                if to_regclass(there) is not null then
                    select coalesce(jsonb_agg(to_jsonb(above)), '[]') into views
                    from ({{ views_above('there') }}) as above;
                    rights := array({{ rights_on('there') }});
                    select array_to_string(reloptions, ', ') into options
                    from pg_class where oid = to_regclass(there) and relkind = 'v';
                    execute format('alter table %s rename to %I', there, {{ literal(old.identifier) }});
                end if;
                execute make;
                if to_regclass(before) is not null then
                    foreach statement in array rights loop
                        begin
                            execute statement;
                        exception
                            when lock_not_available then raise;
                            when undefined_column then null; -- a right on a column that is gone
                            when others then
                                perform set_config('entrepot.refusal',
                                    'what was given on it cannot be given on the new one: ' || statement, false);
                                return;
                        end;
                    end loop;
                    if options is not null then
                        execute format('alter view %s set (%s)', there, options);
                    end if;
                    for view in
                        select * from jsonb_to_recordset(views)
                            as v (name text, is_direct boolean, refusal text, replacement text)
                        where v.is_direct
                    loop
                        begin
                            if view.refusal is not null then
                                raise exception '%', view.refusal;
                            end if;
                            begin
                                execute view.replacement;
                            exception
                                when invalid_table_definition then
                                    tree := array(
                                        select above.name from ({{ views_above('view.name') }}) as above
                                        order by above.depth
                                    );
                                    for place in reverse coalesce(array_length(tree, 1), 0)..1 loop
                                        execute format('drop view %s', tree[place]);
                                    end loop;
                                    execute format('drop view %s', view.name);
                                    foreach step in array view.name || tree loop
                                        for statement in
                                            select jsonb_array_elements_text(v -> 'statements')
                                            from jsonb_array_elements(views) as v where v ->> 'name' = step
                                        loop
                                            execute statement;
                                        end loop;
                                    end loop;
                            end;
                        exception
                            when lock_not_available then
                                raise;
                            when others then
                                reasons := reasons || format(E'view %s (%s)\n', view.name, sqlerrm);
                        end;
                    end loop;
                    begin
                        execute {{ drop_of('before') }};
                    exception
                        when dependent_objects_still_exist then
                            get stacked diagnostics kept_by = pg_exception_detail;
                            if reasons = '' then
                                reasons := kept_by;
                            end if;
                            perform set_config('entrepot.left_behind', reasons, false);
                    end;
                end if;
                return;
            exception
                when lock_not_available then
                    perform pg_sleep(0.5);
            end;
        end loop;
        raise exception '% was in use for a minute', there
            using errcode = 'lock_not_available',
            hint = 'see pg_locks for who reads it, then build again';
    end
    $entrepot$;
{%- endmacro %}


{#- A relation's name as a view's text has it: without the database. -#}
{% macro plain_name(relation) -%}
    {{ return(relation.include(database=false) | string) }}
{%- endmacro %}


{#- The statement that drops a table or view, as an expression. -#}
{% macro drop_of(name) -%}
    (select format('drop %s %s', case relkind when 'v' then 'view' else 'table' end, {{ name }}) from pg_class where oid = to_regclass({{ name }}))
{%- endmacro %}


{#- The views on a relation, and those on them, as a query.

    depth tells in which order they can be made; replacement is CREATE OR REPLACE, statements make the
    view anew, refusal says why it must not be touched. -#}
{% macro views_above(name) -%}
    with recursive above (oid, depth) as (
        select {{ name }}::regclass::oid, 0
        union
        select w.ev_class, above.depth + 1
        from above
        join pg_catalog.pg_depend as d
            on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = above.oid
            and d.classid = 'pg_catalog.pg_rewrite'::regclass
        join pg_catalog.pg_rewrite as w on w.oid = d.objid and w.ev_class <> above.oid
    )
    select
        v.name,
        v.depth,
        v.is_direct,
        case
            when v.relkind <> 'v' then 'it is a materialized view'
            when not pg_catalog.pg_has_role(v.relowner, 'USAGE')
                then format('it belongs to %s, of which %s is no member', v.relowner::regrole, current_user)
            when exists (select from pg_catalog.pg_trigger as t where t.tgrelid = v.oid)
                or exists (select from pg_catalog.pg_rewrite as r where r.ev_class = v.oid and r.rulename <> '_RETURN')
                or exists (select from pg_catalog.pg_attrdef as f where f.adrelid = v.oid)
                then 'it has triggers, rules or defaults'
        end as refusal,
        format('create or replace view %s%s as %s', v.name, v.options, v.definition) as replacement,
        array[format('create view %s%s as %s', v.name, v.options, v.definition)]
        || array({{ rights_on('v.oid') }})
        || array(
            select format(
                'comment on %s %s%s is %L', case when o.objsubid = 0 then 'view' else 'column' end,
                v.name, '.' || quote_ident(a.attname), o.description
            )
            from pg_catalog.pg_description as o
            left join pg_catalog.pg_attribute as a on a.attrelid = o.objoid and a.attnum = nullif(o.objsubid, 0)
            where o.classoid = 'pg_catalog.pg_class'::regclass and o.objoid = v.oid
        )
        || format('alter view %s owner to %s', v.name, v.relowner::regrole) as statements
    from (
        select
            c.oid,
            c.relkind,
            c.relowner,
            format('%I.%I', n.nspname, c.relname) as name,
            coalesce(' with (' || array_to_string(c.reloptions, ', ') || ')', '') as options,
            pg_catalog.pg_get_viewdef(c.oid) as definition,
            max(above.depth) as depth,
            min(above.depth) = 1 as is_direct
        from above
        join pg_catalog.pg_class as c on c.oid = above.oid
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where above.depth > 0
        group by c.oid, n.nspname
    ) as v
{%- endmacro %}


{#- The statements that give the rights on a table or view to one of the same name, as a query: of the
    table, of its columns, of its rows. -#}
{% macro rights_on(relation) -%}
    select format(
        'grant %s%s on %I.%I to %s%s',
        g.privilege_type, ' (' || quote_ident(g.attname) || ')', n.nspname, c.relname,
        case g.grantee when 0 then 'public' else g.grantee::regrole::text end,
        case when g.is_grantable then ' with grant option' else '' end
    )
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    cross join lateral (
        select null::name as attname, e.* from pg_catalog.aclexplode(c.relacl) as e
        union all
        select a.attname, e.*
        from pg_catalog.pg_attribute as a
        cross join lateral pg_catalog.aclexplode(a.attacl) as e
        where a.attrelid = c.oid and not a.attisdropped
    ) as g
    where c.oid = {{ relation }}::regclass and g.grantee <> c.relowner
    union all
    select format('alter table %s %s row level security', c.oid::regclass, what)
    from pg_catalog.pg_class as c
    cross join lateral (values ('enable', c.relrowsecurity), ('force', c.relforcerowsecurity)) as r (what, is_so)
    where c.oid = {{ relation }}::regclass and r.is_so
    union all
    select format('create policy %I on %s as %s for %s to %s', p.policyname, c.oid::regclass, p.permissive, p.cmd,
        (select string_agg(case r when 'public' then r else quote_ident(r) end, ', ') from unnest(p.roles) as r))
        || coalesce(' using (' || p.qual || ')', '') || coalesce(' with check (' || p.with_check || ')', '')
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_policies as p on p.schemaname = n.nspname and p.tablename = c.relname
    where c.oid = {{ relation }}::regclass
{%- endmacro %}
