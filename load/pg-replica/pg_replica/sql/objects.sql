WITH found (classid, objid) AS (
    SELECT 'pg_catalog.pg_class'::regclass, c.oid FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = any(%(schemas)s) AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::regclass, p.oid FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = any(%(schemas)s)
    UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass, t.oid FROM pg_catalog.pg_type AS t
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
    WHERE n.nspname = any(%(schemas)s) AND t.typtype IN ('d', 'e', 'r', 'm')
    UNION ALL
    SELECT 'pg_catalog.pg_collation'::regclass, o.oid FROM pg_catalog.pg_collation AS o
    JOIN pg_catalog.pg_namespace AS n ON n.oid = o.collnamespace WHERE n.nspname = any(%(schemas)s)
    UNION ALL
    SELECT 'pg_catalog.pg_conversion'::regclass, o.oid FROM pg_catalog.pg_conversion AS o
    JOIN pg_catalog.pg_namespace AS n ON n.oid = o.connamespace WHERE n.nspname = any(%(schemas)s)
    UNION ALL
    SELECT 'pg_catalog.pg_operator'::regclass, o.oid FROM pg_catalog.pg_operator AS o
    JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace WHERE n.nspname = any(%(schemas)s)
    UNION ALL
    SELECT 'pg_catalog.pg_opclass'::regclass, o.oid FROM pg_catalog.pg_opclass AS o
    JOIN pg_catalog.pg_namespace AS n ON n.oid = o.opcnamespace WHERE n.nspname = any(%(schemas)s)
    UNION ALL
    SELECT 'pg_catalog.pg_opfamily'::regclass, o.oid FROM pg_catalog.pg_opfamily AS o
    JOIN pg_catalog.pg_namespace AS n ON n.oid = o.opfnamespace WHERE n.nspname = any(%(schemas)s)
    UNION ALL
    SELECT 'pg_catalog.pg_statistic_ext'::regclass, o.oid FROM pg_catalog.pg_statistic_ext AS o
    JOIN pg_catalog.pg_namespace AS n ON n.oid = o.stxnamespace WHERE n.nspname = any(%(schemas)s)
    UNION ALL
    SELECT 'pg_catalog.pg_ts_config'::regclass, o.oid FROM pg_catalog.pg_ts_config AS o
    JOIN pg_catalog.pg_namespace AS n ON n.oid = o.cfgnamespace WHERE n.nspname = any(%(schemas)s)
    UNION ALL
    SELECT 'pg_catalog.pg_ts_dict'::regclass, o.oid FROM pg_catalog.pg_ts_dict AS o
    JOIN pg_catalog.pg_namespace AS n ON n.oid = o.dictnamespace WHERE n.nspname = any(%(schemas)s)
)
SELECT i.type, i.schema, i.identity,
    pg_catalog.pg_get_userbyid(coalesce(c.relowner, p.proowner, t.typowner)),
    CASE WHEN c.relkind IN ('r', 'p', 'v', 'm', 'f') THEN c.relname ELSE p.proname END
FROM found
CROSS JOIN LATERAL pg_catalog.pg_identify_object(found.classid, found.objid, 0) AS i
LEFT JOIN pg_catalog.pg_class AS c
    ON found.classid = 'pg_catalog.pg_class'::regclass AND c.oid = found.objid
LEFT JOIN pg_catalog.pg_proc AS p
    ON found.classid = 'pg_catalog.pg_proc'::regclass AND p.oid = found.objid
LEFT JOIN pg_catalog.pg_type AS t
    ON found.classid = 'pg_catalog.pg_type'::regclass AND t.oid = found.objid
WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend AS d
    WHERE d.classid = found.classid AND d.objid = found.objid
        AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('a', 'i')
            -- A range type's constructors: they are PostgreSQL's, and go when it goes.
            OR p.oid IS NOT null AND d.deptype = 'i'
            -- Of a composite type or a multirange it is the (range) type that an extension owns.
            OR d.deptype = 'i' AND EXISTS (
                SELECT FROM pg_catalog.pg_depend AS e
                WHERE e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e'
            ))
)
ORDER BY pg_catalog.array_position(
    ARRAY['view', 'materialized view', 'table', 'foreign table'], i.type
), i.schema, i.identity
