-- The CHECKs of tables and domains that call a function of some schemas, itself or by an operator:
-- what it is on, its name, and its definition; those that others inherit come first.
SELECT
    o.conname,
    o.contypid <> 0 AS is_of_domain,
    CASE
        WHEN o.contypid <> 0 THEN o.contypid::regtype::text
        ELSE o.conrelid::regclass::text
    END AS holder,
    pg_catalog.pg_get_constraintdef(o.oid) AS definition,
    o.oid
FROM pg_catalog.pg_constraint AS o
JOIN pg_catalog.pg_namespace AS n ON n.oid = o.connamespace
WHERE
    o.contype = 'c'
    AND n.nspname = any(%(schemas)s)
    AND EXISTS (
        SELECT
        FROM pg_catalog.pg_depend AS d
        LEFT JOIN pg_catalog.pg_proc AS p
            ON d.refclassid = 'pg_catalog.pg_proc'::regclass AND d.refobjid = p.oid
        LEFT JOIN pg_catalog.pg_operator AS r
            ON d.refclassid = 'pg_catalog.pg_operator'::regclass AND d.refobjid = r.oid
        INNER JOIN pg_catalog.pg_namespace AS f
            ON f.oid = coalesce(p.pronamespace, r.oprnamespace)
        WHERE
            d.classid = 'pg_catalog.pg_constraint'::regclass
            AND d.objid = o.oid
            AND f.nspname = any(%(schemas)s)
    )
    -- What an extension made stays as it made it.
    AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_depend AS e
        WHERE
            e.deptype = 'e'
            AND (
                (e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = o.conrelid)
                OR (e.classid = 'pg_catalog.pg_type'::regclass AND e.objid = o.contypid)
            )
    )
ORDER BY o.coninhcount > 0, o.oid
