SELECT p.oid, p.oid::pg_catalog.regprocedure::text, p.proname::text, p.prosrc, p.prosecdef,
    p.prokind = 'a', p.prorettype = 'pg_catalog.trigger'::regtype,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(p.proowner)),
    array(
        SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC'
            ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END
        FROM pg_catalog.aclexplode(
            coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a
        WHERE a.grantee <> p.proowner
    )
FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname = any(%(schemas)s)
    AND (%(names)s::text[] IS null OR p.proname = any(%(names)s::name[]))
    AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_depend AS e
        WHERE e.deptype = 'e' AND e.classid = 'pg_catalog.pg_proc'::regclass AND e.objid = p.oid
    )
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_catalog.pg_proc'::regclass
            AND d.objid = p.oid AND d.deptype = 'i'
    )
ORDER BY 2
