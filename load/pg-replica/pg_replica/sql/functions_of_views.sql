WITH RECURSIVE called (classid, objid) AS (
    SELECT d.refclassid, d.refobjid
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_rewrite AS w ON w.ev_class = c.oid
    JOIN pg_catalog.pg_depend AS d
        ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
    WHERE n.nspname = any(%(schemas)s) AND c.relkind = 'v'
        AND d.refclassid <> 'pg_catalog.pg_class'::regclass
    UNION
    SELECT f.classid, f.objid FROM called AS k CROSS JOIN LATERAL (
        SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_depend AS d
        WHERE d.classid = k.classid AND d.objid = k.objid
            AND d.refclassid <> 'pg_catalog.pg_class'::regclass
        UNION ALL
        SELECT 'pg_catalog.pg_constraint'::regclass, o.oid FROM pg_catalog.pg_constraint AS o
        WHERE k.classid = 'pg_catalog.pg_type'::regclass AND k.objid = o.contypid
    ) AS f (classid, objid)
)
SELECT objid FROM called WHERE classid = 'pg_catalog.pg_proc'::regclass
