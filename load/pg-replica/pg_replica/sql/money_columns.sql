-- The columns of tables that hold amounts of type money: themselves, in an array, a domain or a
-- composite type.
WITH RECURSIVE amounts (oid) AS (
    SELECT 'pg_catalog.money'::regtype::oid
    UNION
    SELECT coalesce(t.oid, c.reltype)
    FROM amounts AS a
    LEFT JOIN pg_catalog.pg_type AS t
        ON t.typbasetype = a.oid OR (t.typelem = a.oid AND t.typlen = -1)
    LEFT JOIN pg_catalog.pg_attribute AS m ON m.atttypid = a.oid AND NOT m.attisdropped
    LEFT JOIN pg_catalog.pg_class AS c ON c.oid = m.attrelid AND c.relkind = 'c'
    WHERE coalesce(t.oid, c.reltype) IS NOT null
)

SELECT
    n.nspname::text AS table_schema,
    c.relname::text AS table_name,
    m.attname::text AS column_name,
    m.atttypid = 'pg_catalog.money'::regtype AND m.attgenerated = '' AS is_plain
FROM pg_catalog.pg_attribute AS m
INNER JOIN pg_catalog.pg_class AS c ON c.oid = m.attrelid
INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE
    m.atttypid IN (SELECT a.oid FROM amounts AS a)
    AND m.attnum > 0
    AND NOT m.attisdropped
    AND c.relkind IN ('r', 'p')
    AND n.nspname <> 'information_schema'
    AND n.nspname !~ '^pg_'
ORDER BY 1, 2, 3
