-- What must be known of the replica's tables before rows are changed in place: the columns of other
-- unique indexes, and those that only an INSERT may give a value.
SELECT n.nspname, c.relname, (
    SELECT pg_catalog.array_agg(DISTINCT a.attname::text)
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND (
        a.attidentity = 'a' OR EXISTS (
            SELECT FROM pg_catalog.pg_index AS i
            WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion) AND (
                a.attnum = any(i.indkey::int2[])
                OR i.indpred IS NOT null OR i.indexprs IS NOT null
            )
        )
    )
)
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = any(%(schemas)s)
