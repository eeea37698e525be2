-- What the live replica is made of, one line an object: a night that changes its rows in place must
-- find it as the last one left it. Indexes by name: REINDEX CONCURRENTLY gives them new OIDs.
WITH here AS (
    SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace AS n WHERE n.nspname = any(%(schemas)s)
),
relations AS (
    SELECT c.*, here.nspname FROM pg_catalog.pg_class AS c
    JOIN here ON here.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
)
SELECT pg_catalog.concat_ws(' ', 'relation', c.nspname || '.' || c.relname),
    pg_catalog.concat_ws(' ', c.oid, c.relkind, c.relowner, c.relrowsecurity, c.relispopulated, (
        SELECT pg_catalog.string_agg(pg_catalog.concat_ws(':', a.attnum, a.attname, a.atttypid,
            a.atttypmod, a.attcollation, a.attgenerated, a.attidentity, a.attnotnull), ','
            ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    ), (
        SELECT pg_catalog.string_agg(i.inhparent::text, ',' ORDER BY i.inhseqno)
        FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = c.oid
    ), (
        SELECT pg_catalog.string_agg(
            pg_catalog.concat_ws(':', x.relname, i.indisvalid, i.indisunique), ','
            ORDER BY x.relname
        )
        FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
        WHERE i.indrelid = c.oid
    ), (
        SELECT pg_catalog.string_agg(t.tgname || t.tgenabled::text, ',' ORDER BY t.tgname)
        FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
    ), (
        SELECT pg_catalog.string_agg(r.rulename || r.ev_enabled::text, ',' ORDER BY r.rulename)
        FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = c.oid
    ))
FROM relations AS c
UNION ALL
SELECT pg_catalog.concat_ws(' ', 'constraint', o.conname, 'of', o.conrelid::regclass),
    pg_catalog.concat_ws(' ', o.oid, o.contype, o.convalidated, o.condeferrable, o.confdeltype,
        o.confupdtype, o.confrelid, o.conkey, o.confkey)
FROM pg_catalog.pg_constraint AS o
WHERE o.conrelid IN (SELECT c.oid FROM relations AS c)
    OR o.confrelid IN (SELECT c.oid FROM relations AS c)
UNION ALL
SELECT 'a child of somebody else''s', i.inhrelid::text
FROM pg_catalog.pg_inherits AS i
WHERE i.inhparent IN (SELECT c.oid FROM relations AS c)
    AND i.inhrelid NOT IN (SELECT c.oid FROM relations AS c)
UNION ALL
SELECT pg_catalog.concat_ws(' ', 'type', here.nspname || '.' || t.typname), t.oid::text
FROM pg_catalog.pg_type AS t JOIN here ON here.oid = t.typnamespace
WHERE t.typtype IN ('d', 'e', 'r')
UNION ALL
SELECT pg_catalog.concat_ws(' ', 'function', p.oid::regprocedure), p.oid::text
FROM pg_catalog.pg_proc AS p JOIN here ON here.oid = p.pronamespace
