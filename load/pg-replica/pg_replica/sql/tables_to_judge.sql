-- Every table that a policy can name, partitions under their root: size, rows, write statistics,
-- the leaf that is sampled, and whether a plan for it would read expressions of the source's owner.
SELECT
    c.oid::bigint, n.nspname::text, c.relname::text,
    coalesce(pg_catalog.obj_description(c.oid, 'pg_class'), '') AS comment,
    l.bytes::bigint, l.row_count::bigint, l.inserted::bigint, l.updated::bigint, l.deleted::bigint,
    b.schema_name::text, b.table_name::text, b.pages::bigint,
    coalesce(
        pg_catalog.has_table_privilege(b.oid, 'SELECT')
        AND pg_catalog.has_schema_privilege(b.namespace, 'USAGE')
        AND NOT pg_catalog.row_security_active(b.oid), false
    ) AS is_readable,
    coalesce(
        EXISTS (
            SELECT FROM pg_catalog.pg_index AS i
            WHERE i.indrelid = b.oid AND (i.indexprs IS NOT null OR i.indpred IS NOT null)
        )
        OR EXISTS (SELECT FROM pg_catalog.pg_statistic_ext AS s WHERE s.stxrelid = b.oid), false
    ) AS has_expressions,
    coalesce(b.has_toast, false) AS has_toast
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(pg_catalog.pg_table_size(t.relid)), 0) AS bytes,
        coalesce(
            sum(CASE WHEN x.reltuples > 0 THEN x.reltuples ELSE u.n_live_tup END), 0
        ) AS row_count,
        coalesce(sum(u.n_tup_ins), 0) AS inserted,
        coalesce(sum(u.n_tup_upd), 0) AS updated, coalesce(sum(u.n_tup_del), 0) AS deleted
    FROM (
        SELECT c.oid AS relid
        WHERE c.relkind = 'r'
        UNION ALL
        SELECT p.relid::oid
        FROM pg_catalog.pg_partition_tree(CASE WHEN c.relkind = 'p' THEN c.oid END) AS p
        WHERE p.isleaf
    ) AS t
    INNER JOIN pg_catalog.pg_class AS x ON t.relid = x.oid AND x.relkind = 'r'
    LEFT JOIN pg_catalog.pg_stat_all_tables AS u ON t.relid = u.relid
) AS l
LEFT JOIN LATERAL (
    SELECT
        x.oid, x.relnamespace AS namespace, m.nspname AS schema_name, x.relname AS table_name,
        pg_catalog.pg_relation_size(x.oid) / current_setting('block_size')::bigint AS pages,
        coalesce(pg_catalog.pg_relation_size(nullif(x.reltoastrelid, 0)), 0) > 0 AS has_toast
    FROM (
        SELECT c.oid AS relid
        WHERE c.relkind = 'r'
        UNION ALL
        SELECT p.relid::oid
        FROM pg_catalog.pg_partition_tree(CASE WHEN c.relkind = 'p' THEN c.oid END) AS p
        WHERE p.isleaf
    ) AS t
    INNER JOIN pg_catalog.pg_class AS x ON t.relid = x.oid AND x.relkind = 'r'
    INNER JOIN pg_catalog.pg_namespace AS m ON x.relnamespace = m.oid
    ORDER BY x.relpages DESC, 5 DESC
    LIMIT 1
) AS b ON true
WHERE
    c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS e
        WHERE e.deptype = 'e' AND e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid
    )
ORDER BY n.nspname, c.relname
