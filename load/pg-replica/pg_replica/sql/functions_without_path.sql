-- The functions of some schemas that have no search path of their own, and look names up when
-- they are called.
SELECT p.oid::regprocedure::text
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
WHERE
    n.nspname = any(%(schemas)s)
    AND p.prokind IN ('f', 'p')
    AND l.lanname NOT IN ('internal', 'c')
    AND NOT EXISTS (
        SELECT FROM pg_catalog.unnest(p.proconfig) AS s (setting)
        WHERE s.setting LIKE 'search_path=%%'
    )
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE
            d.classid = 'pg_catalog.pg_proc'::regclass
            AND d.objid = p.oid
            AND d.deptype = 'e'
    )
ORDER BY 1
