-- What the source's own objects need of each extension: the extension, of what kind what needs it
-- is, its description, its table, and its name there. Arrays belong to no extension, but their
-- elements' types do.
WITH member (extension, classid, objid) AS (
    SELECT d.refobjid, d.classid, d.objid FROM pg_catalog.pg_depend AS d
    WHERE d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::regclass
),

needed (extension, classid, objid) AS (
    SELECT extension, classid, objid FROM member
    UNION ALL
    SELECT m.extension, m.classid, t.oid FROM member AS m
    JOIN pg_catalog.pg_type AS t ON t.typelem = m.objid AND t.typcategory = 'A'
    WHERE m.classid = 'pg_catalog.pg_type'::regclass
)

SELECT DISTINCT
    e.extname::text,
    CASE
        WHEN a.attnum IS NOT null AND a.attgenerated = '' THEN 'column'
        WHEN a.attnum IS NOT null THEN 'generated'
        WHEN f.attnum IS NOT null AND f.attgenerated = '' THEN 'default'
        WHEN f.attnum IS NOT null THEN 'generated'
        WHEN o.contype = 'c' AND o.conrelid <> 0 THEN 'check'
        WHEN o.conrelid <> 0 OR c.relkind IN ('i', 'I') THEN 'index'
        ELSE 'other'
    END AS kind,
    pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) AS dependent,
    n.nspname::text AS table_schema,
    t.relname::text AS table_name,
    coalesce(a.attname, f.attname, o.conname)::text AS name
FROM needed AS x
JOIN pg_catalog.pg_extension AS e ON e.oid = x.extension
JOIN pg_catalog.pg_depend AS d
    ON d.refclassid = x.classid AND d.refobjid = x.objid AND d.deptype IN ('n', 'a')
LEFT JOIN pg_catalog.pg_class AS c
    ON d.classid = 'pg_catalog.pg_class'::regclass AND c.oid = d.objid
LEFT JOIN pg_catalog.pg_attribute AS a
    ON a.attrelid = c.oid AND a.attnum = d.objsubid AND a.attnum > 0 AND c.relkind IN ('r', 'p')
LEFT JOIN pg_catalog.pg_attrdef AS v
    ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND v.oid = d.objid
LEFT JOIN pg_catalog.pg_attribute AS f ON f.attrelid = v.adrelid AND f.attnum = v.adnum
LEFT JOIN pg_catalog.pg_constraint AS o
    ON d.classid = 'pg_catalog.pg_constraint'::regclass AND o.oid = d.objid
LEFT JOIN pg_catalog.pg_class AS t
    ON t.oid = coalesce(a.attrelid, f.attrelid, nullif(o.conrelid, 0))
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
WHERE
    NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS o
        WHERE o.deptype = 'e' AND o.classid = d.classid AND o.objid = d.objid
    )
    -- The row type of an extension's table, and whatever else is a part of what it owns.
    AND NOT EXISTS (
        SELECT FROM member AS m JOIN pg_catalog.pg_depend AS i
            ON i.refclassid = m.classid AND i.refobjid = m.objid AND i.deptype IN ('i', 'a')
        WHERE i.classid = d.classid AND i.objid = d.objid
    )
    AND (c.relkind IS DISTINCT FROM 't')
    AND d.classid <> 'pg_catalog.pg_extension'::regclass
    AND d.classid <> 'pg_catalog.pg_init_privs'::regclass
ORDER BY 1, 3
