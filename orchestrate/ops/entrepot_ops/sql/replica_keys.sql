-- Keys that tell rows apart, the primary key first; and foreign keys of one column.
SELECT
    c.conrelid::bigint AS table_oid,
    c.contype::text AS kind,
    (
        SELECT pg_catalog.array_agg(a.attname::text ORDER BY k.place)
        FROM pg_catalog.unnest(c.conkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.number
    ) AS columns,
    (
        SELECT pg_catalog.bool_and(a.attnotnull)
        FROM pg_catalog.unnest(c.conkey) AS k (number)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.number
    ) AS is_not_null,
    c.confrelid::bigint AS refers_to,
    (
        SELECT pg_catalog.array_agg(a.attname::text ORDER BY k.place)
        FROM pg_catalog.unnest(c.confkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = k.number
    ) AS referred_columns
FROM pg_catalog.pg_constraint AS c
WHERE c.conrelid = ANY (%(tables)s) AND c.contype IN ('p', 'u', 'f') AND c.conparentid = 0
ORDER BY c.conrelid, c.contype, c.conname
