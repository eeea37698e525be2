-- What Citus needs to know of the columns by which tables are to be distributed: for each pair of
-- table and column that exists, whether it may be NULL, is computed, has a hash, and is sorted by a
-- collation under which unequal texts are equal; and its type. Run on the source.
-- Parameters: tables and columns, two arrays of one length.
SELECT
    w.place,
    NOT a.attnotnull AS is_nullable,
    a.attgenerated <> '' AS is_computed,
    (
        t.typtype IN ('e', 'r', 'm') OR t.typcategory = 'A'
        OR EXISTS (
            SELECT FROM pg_catalog.pg_opclass AS o
            INNER JOIN pg_catalog.pg_am AS m ON o.opcmethod = m.oid
            WHERE
                m.amname = 'hash' AND o.opcdefault
                AND o.opcintype = any(ARRAY[t.oid, t.typbasetype])
        )
        OR t.oid IN ('varchar'::regtype, 'cidr'::regtype)
    ) AS has_hash,
    coalesce(NOT c.collisdeterministic, false) AS is_nondeterministic,
    pg_catalog.format_type(a.atttypid, a.atttypmod) AS type_name
FROM unnest(%(tables)s::text[], %(columns)s::text[]) WITH ORDINALITY AS w (
    table_name, column_name, place
)
INNER JOIN pg_catalog.pg_attribute AS a
    ON
        a.attrelid = to_regclass(w.table_name) AND a.attname = w.column_name
        AND a.attnum > 0 AND NOT a.attisdropped
INNER JOIN pg_catalog.pg_type AS t ON a.atttypid = t.oid
LEFT JOIN pg_catalog.pg_collation AS c ON a.attcollation = c.oid
ORDER BY w.place
