-- A column of each table that alone is no key: the right REFERENCES on it shows the table's keys in
-- information_schema, and lets nobody make a foreign key, which would need it on every column of a
-- unique index. Tables without constraints have nothing to show.
SELECT n.nspname::text, c.relname::text, a.attname::text
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
CROSS JOIN LATERAL (
    SELECT t.attname
    FROM pg_catalog.pg_attribute AS t
    WHERE
        t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_index AS i
            WHERE
                i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)
                AND i.indnkeyatts = 1 AND i.indkey[0] = t.attnum
        )
    ORDER BY t.attnum
    LIMIT 1
) AS a
WHERE
    c.relkind IN ('r', 'p')
    AND (
        c.oid = to_regclass(%(table)s::text)
        OR (%(table)s::text IS null AND n.nspname = any(%(schemas)s))
    )
    AND c.oid IN (SELECT o.conrelid FROM pg_catalog.pg_constraint AS o)
ORDER BY 3, 1, 2
