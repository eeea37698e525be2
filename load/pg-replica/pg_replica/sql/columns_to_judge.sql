-- The columns of tables that a policy can name; of a child of another table only where it has
-- columns of its own.
SELECT
    a.attrelid::bigint, a.attname::text,
    CASE WHEN y.typtype = 'e' THEN 'enum' ELSE pg_catalog.format_type(y.oid, -1) END AS type_name,
    coalesce(pg_catalog.col_description(a.attrelid, a.attnum), '') AS comment,
    CASE WHEN t.oid >= 16384 AND NOT t.is_extensions THEN t.typname ELSE '' END AS own_type,
    coalesce(k.indkey::int2[] @> ARRAY[a.attnum], false) AS is_in_key,
    coalesce(k.indkey::int2[] @> ARRAY[a.attnum] AND k.indnkeyatts = 1, false) AS is_key,
    coalesce(r.partattrs::int2[] @> ARRAY[a.attnum], false) AS parts,
    0 < (
        SELECT count(*) FROM pg_catalog.pg_constraint AS f
        WHERE
            f.contype = 'f' AND f.conrelid = a.attrelid AND f.conkey @> ARRAY[a.attnum]
            OR f.contype = 'f' AND f.confrelid = a.attrelid AND f.confkey @> ARRAY[a.attnum]
    ) AS is_referenced,
    a.attgenerated <> '' AS is_generated,
    -- Other types have text that a function of somebody's may write; bytes say nothing.
    (y.oid < 16384 OR y.typname = 'citext') AND y.typtype = 'b' AND y.oid <> 'bytea'::regtype
    AND a.attgenerated <> 'v' AS may_be_sampled,
    a.attidentity <> ''
    OR coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false) AS counts_up,
    a.attnotnull AS is_there, s.correlation
FROM pg_catalog.pg_attribute AS a
INNER JOIN pg_catalog.pg_class AS c ON a.attrelid = c.oid
INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
INNER JOIN (
    SELECT
        o.*,
        0 < (
            SELECT count(*) FROM pg_catalog.pg_depend AS e
            WHERE e.classid = 'pg_catalog.pg_type'::regclass AND e.objid = o.oid AND e.deptype = 'e'
        ) AS is_extensions
    FROM pg_catalog.pg_type AS o
) AS t ON a.atttypid = t.oid
INNER JOIN pg_catalog.pg_type AS y
    ON CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END = y.oid
LEFT JOIN pg_catalog.pg_index AS k ON a.attrelid = k.indrelid AND k.indisprimary
LEFT JOIN pg_catalog.pg_partitioned_table AS r ON a.attrelid = r.partrelid
LEFT JOIN pg_catalog.pg_attrdef AS d
    ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attgenerated = ''
LEFT JOIN pg_catalog.pg_stats AS s
    ON n.nspname = s.schemaname AND c.relname = s.tablename AND a.attname = s.attname
    AND NOT s.inherited
WHERE
    a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND c.relpersistence <> 't'
    AND n.nspname <> 'information_schema'
    AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
    AND (
        NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS h WHERE h.inhrelid = a.attrelid)
        OR EXISTS (
            SELECT FROM pg_catalog.pg_attribute AS own
            WHERE
                own.attrelid = a.attrelid AND own.attnum > 0 AND own.attinhcount = 0
                AND NOT own.attisdropped
        )
    )
ORDER BY a.attrelid, a.attnum
