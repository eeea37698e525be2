SELECT
    pg_catalog.format(
        '%%I.%%s (%%s, %%s)', n.nspname, o.oprname,
        CASE WHEN o.oprleft = 0 THEN 'NONE' ELSE pg_catalog.format_type(o.oprleft, null) END,
        pg_catalog.format_type(o.oprright, null)
    )
FROM pg_catalog.pg_operator AS o
INNER JOIN pg_catalog.pg_namespace AS n ON o.oprnamespace = n.oid
WHERE
    n.nspname = any(%(schemas)s) AND (o.oprrest <> 0 OR o.oprjoin <> 0) AND o.oprright <> 0
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS e
        WHERE
            e.deptype = 'e' AND e.classid = 'pg_catalog.pg_operator'::regclass AND e.objid = o.oid
    )
ORDER BY 1
