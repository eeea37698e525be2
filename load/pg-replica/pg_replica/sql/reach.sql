WITH role AS (
    SELECT r.oid, r.rolname FROM pg_catalog.pg_roles AS r
    WHERE pg_catalog.pg_has_role(%(role)s, r.oid, 'MEMBER')
)
SELECT 'is a superuser' FROM pg_catalog.pg_roles WHERE rolname = %(role)s AND rolsuper
UNION
SELECT 'passes by row security (BYPASSRLS)' FROM pg_catalog.pg_roles
WHERE rolname = %(role)s AND rolbypassrls
UNION
SELECT 'is a member of ' || rolname FROM role
WHERE rolname LIKE 'pg\_%%' AND rolname NOT IN ('pg_signal_backend', 'pg_use_reserved_connections')
UNION
SELECT pg_catalog.format('may read %%I.%%I', n.nspname, c.relname)
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace, role
WHERE
    n.nspname <> 'information_schema'
    AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
    AND n.nspname <> all(%(meant)s)
    AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND pg_catalog.has_schema_privilege(role.oid, n.oid, 'USAGE')
    AND CASE WHEN c.relkind = 'S' THEN pg_catalog.has_sequence_privilege(role.oid, c.oid, 'SELECT')
        ELSE pg_catalog.has_any_column_privilege(role.oid, c.oid, 'SELECT') END
    AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_depend AS e
        WHERE e.deptype = 'e' AND e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid
    )
UNION
SELECT pg_catalog.format('may call %%I.%%I, which runs as %%I', n.nspname, p.proname,
    pg_catalog.pg_get_userbyid(p.proowner))
FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace, role
WHERE
    n.nspname <> 'information_schema'
    AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
    AND p.prosecdef
    AND pg_catalog.has_schema_privilege(role.oid, n.oid, 'USAGE')
    AND pg_catalog.has_function_privilege(role.oid, p.oid, 'EXECUTE')
    AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_depend AS e
        WHERE e.deptype = 'e' AND e.classid = 'pg_catalog.pg_proc'::regclass AND e.objid = p.oid
    )
UNION
SELECT pg_catalog.format('may write to %%I.%%I', n.nspname, c.relname)
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace, role
WHERE n.nspname = any(%(meant)s) AND c.relkind = 'r'
    AND pg_catalog.has_table_privilege(role.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
UNION
SELECT pg_catalog.format('may make objects in schema %%I', n.nspname)
FROM pg_catalog.pg_namespace AS n, role
WHERE
    n.nspname <> 'information_schema'
    AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
    AND pg_catalog.has_schema_privilege(role.oid, n.oid, 'CREATE')
ORDER BY 1
