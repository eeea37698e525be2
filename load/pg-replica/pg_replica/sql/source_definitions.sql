-- What a dump's text does not show, and rows depend on: OIDs, the numbers of columns, types.
WITH here AS (
    SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace AS n
    WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
)
SELECT pg_catalog.concat_ws(' ', 'columns of', here.nspname || '.' || c.relname),
    pg_catalog.concat_ws(' ', c.oid, c.relkind, (
        SELECT pg_catalog.string_agg(pg_catalog.concat_ws(':', a.attnum, a.attname, a.atttypid,
            a.atttypmod, a.attcollation, a.attgenerated, a.attnotnull), ',' ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    ))
FROM pg_catalog.pg_class AS c JOIN here ON here.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'c') AND c.relpersistence <> 't'
UNION ALL
SELECT pg_catalog.concat_ws(' ', 'type', here.nspname || '.' || t.typname),
    pg_catalog.concat_ws(' ', t.oid, t.typtype, t.typbasetype, t.typtypmod, t.typcollation, (
        SELECT pg_catalog.string_agg(e.oid || ':' || e.enumlabel, ',' ORDER BY e.enumsortorder)
        FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = t.oid
    ))
FROM pg_catalog.pg_type AS t JOIN here ON here.oid = t.typnamespace
WHERE t.typtype IN ('d', 'e', 'r', 'b') AND t.typcategory <> 'A'
UNION ALL
SELECT 'extension ' || e.extname, pg_catalog.concat_ws(' ', e.oid, e.extversion)
FROM pg_catalog.pg_extension AS e
UNION ALL
SELECT 'the database', pg_catalog.concat_ws(' ', d.oid, d.encoding, d.datcollate, d.datctype,
    pg_catalog.current_setting('server_version_num'), (
        SELECT pg_catalog.string_agg(s.setting, ',' ORDER BY s.setting)
        FROM pg_catalog.pg_db_role_setting AS r
        CROSS JOIN pg_catalog.unnest(r.setconfig) AS s (setting)
        WHERE r.setdatabase = d.oid AND r.setrole = 0
    ))
FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
