SELECT pg_catalog.format(
    'ALTER TABLE %%I.%%I DROP CONSTRAINT IF EXISTS %%I', n.nspname, c.relname, o.conname
)
FROM pg_catalog.pg_constraint AS o JOIN pg_catalog.pg_class AS c ON c.oid = o.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE o.conparentid = 0 AND n.nspname = any(%(schemas)s)
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS e
        WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
    )
    AND (o.contype = 'f' OR o.contype = 'c' AND o.coninhcount = 0 AND EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_constraint'::regclass AND d.objid = o.oid
            AND d.refclassid = 'pg_catalog.pg_proc'::regclass
    ))
UNION ALL
SELECT pg_catalog.format('DROP CAST IF EXISTS (%%s AS %%s)',
    pg_catalog.format_type(k.castsource, null), pg_catalog.format_type(k.casttarget, null))
FROM pg_catalog.pg_cast AS k
LEFT JOIN pg_catalog.pg_proc AS p ON p.oid = k.castfunc
JOIN pg_catalog.pg_type AS s ON s.oid = k.castsource
JOIN pg_catalog.pg_type AS t ON t.oid = k.casttarget
WHERE EXISTS (
    SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = any(%(schemas)s)
        AND n.oid IN (p.pronamespace, s.typnamespace, t.typnamespace)
) AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend AS d
    WHERE d.classid = 'pg_catalog.pg_cast'::regclass AND d.objid = k.oid AND d.deptype IN ('e', 'i')
)
