-- What runs a function of the source while rows are copied, indexes built, statistics gathered or views
-- refreshed. A function that is neither the server's nor an extension's is the source's; whatever calls
-- it is followed through operators, casts, domains, aggregates and views.
WITH RECURSIVE reached (classid, objid) AS (
    SELECT 'pg_catalog.pg_proc'::regclass::oid, p.oid
    FROM pg_catalog.pg_proc AS p
    INNER JOIN pg_catalog.pg_namespace AS n ON p.pronamespace = n.oid
    WHERE
        n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend AS e
            WHERE
                e.classid = 'pg_catalog.pg_proc'::regclass AND e.objid = p.oid
                AND e.deptype IN ('e', 'i')
        )
    UNION
    SELECT f.classid, f.objid
    FROM reached AS r
    CROSS JOIN LATERAL (
        -- Tables end it: who reads a table calls nothing of what its CHECKs call.
        SELECT d.classid, d.objid
        FROM pg_catalog.pg_depend AS d
        WHERE
            d.refclassid = r.classid AND d.refobjid = r.objid AND d.deptype IN ('n', 'a')
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_class AS c
                WHERE
                    r.classid = 'pg_catalog.pg_class'::regclass AND c.oid = r.objid
                    AND c.relkind <> 'v'
            )
        UNION ALL
        SELECT 'pg_catalog.pg_class'::regclass, w.ev_class
        FROM pg_catalog.pg_rewrite AS w
        WHERE r.classid = 'pg_catalog.pg_rewrite'::regclass AND w.oid = r.objid
        UNION ALL
        SELECT 'pg_catalog.pg_type'::regclass, o.contypid
        FROM pg_catalog.pg_constraint AS o
        WHERE
            r.classid = 'pg_catalog.pg_constraint'::regclass AND o.oid = r.objid
            AND o.contypid <> 0
        UNION ALL
        SELECT 'pg_catalog.pg_type'::regclass, t.typarray
        FROM pg_catalog.pg_type AS t
        WHERE r.classid = 'pg_catalog.pg_type'::regclass AND t.oid = r.objid AND t.typarray <> 0
    ) AS f (classid, objid)
)

SELECT DISTINCT n.nspname::text, t.relname::text, x.kind, x.name::text
FROM (
    SELECT o.conrelid, 'CHECK CONSTRAINT', o.conname
    FROM reached AS r
    INNER JOIN pg_catalog.pg_constraint AS o
        ON r.classid = 'pg_catalog.pg_constraint'::regclass AND r.objid = o.oid
    WHERE o.conrelid <> 0 AND o.contype IN ('c', 'x')
    UNION ALL
    SELECT a.attrelid, 'COLUMN', a.attname
    FROM reached AS r
    INNER JOIN pg_catalog.pg_attrdef AS f
        ON r.classid = 'pg_catalog.pg_attrdef'::regclass AND r.objid = f.oid
    INNER JOIN pg_catalog.pg_attribute AS a ON f.adrelid = a.attrelid AND f.adnum = a.attnum
    WHERE a.attgenerated <> ''
    UNION ALL
    SELECT a.attrelid, 'COLUMN', a.attname
    FROM reached AS r
    INNER JOIN pg_catalog.pg_attribute AS a
        ON r.classid = 'pg_catalog.pg_type'::regclass AND r.objid = a.atttypid
    WHERE NOT a.attisdropped AND a.attnum > 0
    UNION ALL
    SELECT i.indrelid, 'INDEX', c.relname
    FROM reached AS r
    INNER JOIN pg_catalog.pg_index AS i
        ON r.classid = 'pg_catalog.pg_class'::regclass AND r.objid = i.indexrelid
    INNER JOIN pg_catalog.pg_class AS c ON i.indexrelid = c.oid
    UNION ALL
    SELECT s.stxrelid, 'STATISTICS', s.stxname
    FROM reached AS r
    INNER JOIN pg_catalog.pg_statistic_ext AS s
        ON r.classid = 'pg_catalog.pg_statistic_ext'::regclass AND r.objid = s.oid
    UNION ALL
    SELECT c.oid, 'MATERIALIZED VIEW DATA', c.relname
    FROM reached AS r
    INNER JOIN pg_catalog.pg_class AS c
        ON r.classid = 'pg_catalog.pg_class'::regclass AND r.objid = c.oid
    WHERE c.relkind = 'm'
) AS x (relation, kind, name)
INNER JOIN pg_catalog.pg_class AS t ON x.relation = t.oid AND t.relkind IN ('r', 'p', 'm')
INNER JOIN pg_catalog.pg_namespace AS n ON t.relnamespace = n.oid
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY 1, 2, 3, 4
