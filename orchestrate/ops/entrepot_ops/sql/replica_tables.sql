-- The tables of a replica; an append table is a view there, and has its keys and comments elsewhere.
SELECT
    n.nspname::text AS schema_name,
    c.relname::text AS table_name,
    coalesce(a.oid, c.oid)::bigint AS described_by,
    c.oid::bigint AS table_oid,
    pg_catalog.obj_description(coalesce(a.oid, c.oid), 'pg_class') AS comment,
    greatest(coalesce(a.reltuples, c.reltuples), 0)::float8 AS row_count
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_namespace AS i ON i.nspname = %(incremental)s
LEFT JOIN pg_catalog.pg_class AS a
    ON a.relnamespace = i.oid AND a.relname = c.relname AND a.relkind IN ('r', 'p') AND c.relkind = 'v'
WHERE n.nspname = ANY (%(schemas)s)
    AND (c.relkind IN ('r', 'p') OR a.oid IS NOT NULL)
    AND NOT c.relispartition
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
ORDER BY n.nspname <> %(replica)s, n.nspname, c.relname
