-- The columns by which each table's rows can be told apart: unique, valid, whole, never NULL.
SELECT n.nspname, c.relname, k.names, k.is_integer, i.indisprimary
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_am AS m ON m.oid = x.relam
CROSS JOIN LATERAL (
    SELECT pg_catalog.array_agg(a.attname::text ORDER BY p.place) AS names,
        pg_catalog.bool_and(a.attnotnull AND a.attgenerated = '') AS is_whole,
        pg_catalog.count(*) = 1 AND pg_catalog.bool_and(a.atttypid IN (20, 21, 23)) AS is_integer
    FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS p (number, place)
    LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = p.number
    WHERE p.place <= i.indnkeyatts
) AS k
WHERE c.relkind = 'r' AND i.indisunique AND i.indisvalid AND i.indisready AND NOT i.indisexclusion
    AND i.indpred IS null AND i.indexprs IS null AND m.amname = 'btree' AND k.is_whole
    AND (i.indisprimary OR NOT EXISTS (
        -- From PostgreSQL 18 on NOT NULL may be NOT VALID.
        SELECT FROM pg_catalog.pg_constraint AS o
        WHERE o.conrelid = c.oid AND o.contype = 'n' AND NOT o.convalidated
    ))
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
ORDER BY i.indisprimary DESC, i.indnkeyatts, x.relname
