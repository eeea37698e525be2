{#- Build a table that follows an append table (see changed_rows.sql), or build it anew.

    By ranges: the model's rows are computed first, what they replace is deleted, they are inserted,
    and the change up to which the table now holds is noted, all in one transaction. `removes` lists
    what is replaced: the rest of `delete from this model as old`, where changed_ranges (low, high) and
    incoming, the new rows, can be named.

    Whole: as any table (see table.sql).
-#}
{% materialization following, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='table') -%}
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
        {% do persist_docs(target_relation, model) %}
    {%- else -%}
        {% do replace_table_patiently(target_relation, sql) %}
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
