SELECT 'relation', n.nspname, c.relname,
    c.relkind::text || CASE WHEN c.relispopulated THEN '' ELSE ' not populated' END
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE
    c.relkind IN ('r', 'p', 'v', 'm', 'S')
    AND c.relpersistence <> 't'
    AND n.nspname <> 'information_schema'
    AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
    AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_depend AS e
        WHERE e.deptype = 'e' AND e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid
    )
UNION ALL
SELECT 'column', n.nspname, c.relname, pg_catalog.concat_ws(' ', pg_catalog.quote_ident(a.attname),
    pg_catalog.format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,
    CASE WHEN a.attidentity <> '' AND NOT c.relispartition
        THEN 'identity ' || a.attidentity::text END,
    nullif('generated ' || a.attgenerated::text,
    'generated '), CASE WHEN a.atthasdef AND a.attgenerated = '' AND NOT EXISTS (
        -- A change of type leaves such a default behind, and CREATE TABLE does not keep one.
        SELECT
        FROM pg_catalog.pg_attrdef AS d
        WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum
            AND pg_catalog.pg_get_expr(d.adbin, d.adrelid) ~ '^NULL::[^''(]*$'
    ) THEN 'default' END)
FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND a.attnum > 0
    AND NOT a.attisdropped
    AND n.nspname <> 'information_schema'
    AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
    AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_depend AS e
        WHERE e.deptype = 'e' AND e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid
    )
UNION ALL
SELECT 'constraint ' || o.contype::text, n.nspname, c.relname, o.conname
FROM pg_catalog.pg_constraint AS o JOIN pg_catalog.pg_class AS c ON c.oid = o.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE
    o.contype IN ('p', 'u', 'f', 'c', 'x')
    AND n.nspname <> 'information_schema'
    AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
    AND c.relkind IN ('r', 'p')
    AND o.conparentid = 0
    AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_depend AS e
        WHERE e.deptype = 'e' AND e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid
    )
UNION ALL
SELECT 'index', n.nspname, c.relname, pg_catalog.concat_ws(' ', x.relname,
    CASE WHEN i.indisunique THEN 'unique' END)
FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE
    i.indisvalid
    AND n.nspname <> 'information_schema'
    AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
    AND c.relpersistence <> 't'
    AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_depend AS e
        WHERE e.deptype = 'e' AND e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid
    )
UNION ALL
SELECT 'trigger', n.nspname, c.relname, t.tgname
FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE
    NOT t.tgisinternal
    AND n.nspname <> 'information_schema'
    AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
    AND c.relkind IN ('r', 'p', 'v')
    AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_depend AS e
        WHERE e.deptype = 'e' AND e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid
    )
UNION ALL
SELECT 'routine ' || p.prokind::text, n.nspname, p.proname,
    pg_catalog.pg_get_function_identity_arguments(p.oid)
FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE
    n.nspname <> 'information_schema'
    AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e
    WHERE e.classid = 'pg_catalog.pg_proc'::regclass AND e.objid = p.oid
        AND e.deptype IN ('e', 'i'))
UNION ALL
SELECT 'type ' || t.typtype::text, n.nspname, t.typname,
    (SELECT pg_catalog.string_agg(e.enumlabel, ','
    ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = t.oid)
FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
WHERE
    t.typtype IN ('d', 'e', 'r', 'c')
    AND (t.typtype <> 'c' OR c.relkind = 'c')
    AND n.nspname <> 'information_schema'
    AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
    AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_depend AS e
        WHERE e.deptype = 'e' AND e.classid = 'pg_catalog.pg_type'::regclass AND e.objid = t.oid
    )
