-- The columns of some tables, with the type that people read: an enum is a text, a domain its base.
SELECT
    a.attrelid::bigint AS table_oid,
    a.attnum::int AS number,
    a.attname::text AS column_name,
    CASE
        WHEN t.typtype = 'e' OR t.typname = 'citext' THEN 'text'
        WHEN t.typtype = 'd' AND b.typtype = 'e' THEN 'text'
        WHEN t.typtype = 'd' AND b.typtype = 'b' AND bn.nspname = 'pg_catalog'
            THEN pg_catalog.format_type(t.typbasetype, t.typtypmod)
    END AS cast_to,
    t.typname::text IN ('timestamptz', 'timestamp', 'date') AS is_time,
    EXISTS (
        SELECT FROM pg_catalog.pg_index AS i
        WHERE i.indrelid = a.attrelid AND i.indkey[0] = a.attnum AND i.indisvalid AND i.indpred IS NULL
    ) AS is_indexed,
    pg_catalog.col_description(a.attrelid, a.attnum) AS comment
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type AS b ON b.oid = t.typbasetype
LEFT JOIN pg_catalog.pg_namespace AS bn ON bn.oid = b.typnamespace
WHERE a.attrelid = ANY (%(tables)s) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
