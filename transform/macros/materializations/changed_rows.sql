{#- Tables that follow an append table.

    A model with `materialized='following'` names the append table in `follows` and reads it through
    `changed_rows`. Loads and audits note in entrepot_ops.changes which ranges of the key they have
    added to, replaced or repaired; this model has noted in entrepot_ops.following up to which of them
    it is. So a build reads what has changed since, and nothing else, in one transaction. entrepot-dbt
    makes these tables, by the migrations of entrepot-core, before dbt begins.

    Everything is read where there is nothing to go by: the first time, with --full-refresh, when the
    model's own text has changed, or when the table is not an append table but copied whole each night.
-#}
{#- What this build of the model must read. Gives is_whole; ranges, as pairs (above, up to), none of
    which meet; and upto, the newest change that it then holds. -#}
{% macro what_to_follow() -%}
    {%- set plan = {'is_whole': true, 'ranges': [], 'upto': none} -%}
    {%- if not execute or flags.WHICH not in ('build', 'run') -%}
        {{ return(plan) }}
    {%- endif -%}
    {%- set replica = env_var('REPLICA_SCHEMA', 'pix') -%}
    {%- set table = config.require('follows') -%}
    {#- `id` alone tells where rows are; the view is there while the table is an append table. -#}
    {%- set known = run_query(
        "select (select coalesce(max(change_id), 0) from entrepot_ops.changes where table_schema = "
        ~ literal(replica ~ '_incremental') ~ " and table_name = " ~ literal(table) ~ "),"
        ~ " (select change_id from entrepot_ops.following where model_schema = "
        ~ literal(this.schema) ~ " and model_name = " ~ literal(this.identifier)
        ~ " and checksum = " ~ literal(local_md5(model.raw_code)) ~ ")"
        ~ " from entrepot_ops.positions as p join pg_catalog.pg_class as c on c.relname = p.table_name"
        ~ " join pg_catalog.pg_namespace as n on n.oid = c.relnamespace"
        ~ " where p.table_schema = " ~ literal(replica ~ '_incremental')
        ~ " and p.table_name = " ~ literal(table) ~ " and p.replication_key = 'id'"
        ~ " and n.nspname = " ~ literal(replica) ~ " and c.relkind = 'v'"
    ).rows -%}
    {%- if known | length == 0 -%}
        {{ return(plan) }}
    {%- endif -%}
    {%- do plan.update({'upto': known[0][0] | int}) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- if flags.FULL_REFRESH or existing is none or not existing.is_table or known[0][1] is none -%}
        {{ return(plan) }}
    {%- endif -%}
    {%- do plan.update({'ranges': changed_ranges(replica, table, known[0][1], plan.upto)}) -%}
    {%- do plan.update({'is_whole': none in plan.ranges}) -%}
    {{ return(plan) }}
{%- endmacro %}


{#- The ranges of some changes, put together where they meet; none among them where all changed. -#}
{% macro changed_ranges(replica, table, after, upto) -%}
    {%- set changes = run_query(
        "select distinct coalesce(low::bigint, -9223372036854775807) as low, high::bigint as high"
        ~ " from entrepot_ops.changes where table_schema = " ~ literal(replica ~ '_incremental')
        ~ " and table_name = " ~ literal(table)
        ~ " and change_id > " ~ after ~ " and change_id <= " ~ upto ~ " order by low, high"
    ).rows -%}
    {%- set ranges = [] -%}
    {%- for change in changes -%}
        {%- set low, high = change[0] | int, change[1] -%}
        {%- if high is none -%}
            {{ return([none]) }}
        {%- elif ranges and low <= ranges[-1][1] -%}
            {%- do ranges.append([ranges[-1][0], [ranges.pop()[1], high | int] | max]) -%}
        {%- else -%}
            {%- do ranges.append([low, high | int]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(ranges) }}
{%- endmacro %}


{#- The rows of a staging view that this build reads, as a subquery.

    block: Ids are taken by blocks of this many, and a block is read whole when it has changed.
    The comment tells the materialization what was chosen. -#}
{% macro changed_rows(plan, relation, key, block=1) -%}
    {%- if plan.is_whole -%}
        (select * from {{ relation }}) /* following: whole {{ plan.upto }} */
    {%- elif plan.ranges | length == 0 -%}
        (select * from {{ relation }} where false) /* following: ranges {{ plan.upto }} [] */
    {%- else -%}
        (
            select followed.*
            from (
                values
                {%- for low, high in blocks(plan.ranges, block) %}
                ({{ low }}::bigint, {{ high }}::bigint){{ "," if not loop.last }}
                {%- endfor %}
            ) as ranges (low, high)
            cross join lateral (
                select * from {{ relation }} where {{ key }} > ranges.low and {{ key }} <= ranges.high
            ) as followed
        ) /* following: ranges {{ plan.upto }} {{ plan.ranges }} */
    {%- endif -%}
{%- endmacro %}


{#- Ranges widened to whole blocks: block n holds the ids from n * size to (n + 1) * size - 1. -#}
{% macro blocks(ranges, size) -%}
    {%- set found = [] -%}
    {%- for low, high in ranges -%}
        {%- set low = low if low < 0 else (low + 1) // size * size - 1 -%}
        {%- set high = (high // size + 1) * size - 1 -%}
        {%- if found and low <= found[-1][1] -%}
            {%- do found.append([found[-1][0], [found.pop()[1], high] | max]) -%}
        {%- else -%}
            {%- do found.append([low, high]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}


{#- Whether a key is in what has changed. -#}
{% macro is_changed(plan, key) -%}
    {%- if plan.is_whole -%}
        true
    {%- elif plan.ranges | length == 0 -%}
        false
    {%- else -%}
        (
            {%- for low, high in plan.ranges %}
            {{ "or " if not loop.first }}({{ key }} > {{ low }} and {{ key }} <= {{ high }})
            {%- endfor %}
        )
    {%- endif -%}
{%- endmacro %}
