-- What the catalogs say of one schema, one line a fact: kind, object, detail. Written apart from the
-- product's own queries: what those do not ask for, these may.
WITH here AS (SELECT oid, nspname FROM pg_namespace WHERE nspname = %(schema)s),
relations AS (
    SELECT c.* FROM pg_class AS c JOIN here ON here.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'c')
),
columns AS (
    SELECT a.*, c.relname, c.relkind, c.oid AS relation
    FROM pg_attribute AS a JOIN relations AS c ON c.oid = a.attrelid
    WHERE a.attnum > 0 AND NOT a.attisdropped
),
described AS (
    SELECT 'comment' AS kind, pg_describe_object(d.classoid, d.objoid, d.objsubid) AS object,
        d.description AS detail, d.classoid, d.objoid
    FROM pg_description AS d
)
SELECT 'schema' AS kind, nspname::text AS object, obj_description(oid, 'pg_namespace') AS detail
FROM here
UNION ALL
SELECT 'relation ' || relkind::text, relname, jsonb_build_object(
    'replica identity', CASE WHEN relkind IN ('r', 'p') THEN relreplident END,
    'options', (SELECT jsonb_agg(o ORDER BY o) FROM unnest(reloptions) AS o),
    'toast options', (SELECT jsonb_agg(o ORDER BY o) FROM pg_class AS t, unnest(t.reloptions) AS o
        WHERE t.oid = c.reltoastrelid),
    'populated', relispopulated,
    'of type', CASE WHEN reloftype <> 0 THEN reloftype::regtype::text END,
    'bound', pg_get_expr(relpartbound, oid),
    'key', pg_get_partkeydef(oid),
    'access method', (SELECT amname FROM pg_am WHERE pg_am.oid = c.relam),
    'parents', (SELECT jsonb_agg(inhparent::regclass::text ORDER BY inhseqno) FROM pg_inherits
        WHERE inhrelid = c.oid)
)::text FROM relations AS c WHERE relkind <> 'c'
UNION ALL
SELECT 'column', format('%%I.%%I', relname, attname), jsonb_build_object(
    -- A child's columns that a parent got later are among the parent's others once it is restored.
    'place', CASE WHEN relation NOT IN (SELECT inhrelid FROM pg_inherits)
        THEN row_number() OVER (PARTITION BY relation ORDER BY attnum) END,
    'type', format_type(atttypid, atttypmod),
    'collation', nullif(attcollation, 0)::regcollation::text,
    'not null', attnotnull,
    'identity', attidentity,
    'generated', attgenerated,
    'storage', CASE WHEN relkind NOT IN ('v', 'c') THEN attstorage END,
    'statistics', nullif(coalesce(attstattarget, -1), -1),
    -- Some servers keep figures of their own among a column's options.
    'options', (SELECT jsonb_agg(o) FROM unnest(attoptions) AS o WHERE o NOT LIKE 'pg\_%%'),
    'local', attislocal,
    'inherited', attinhcount,
    -- Of a default that is null by itself CREATE TABLE keeps nothing.
    'default', (SELECT nullif(pg_get_expr(adbin, adrelid), 'NULL::' || atttypid::regtype)
        FROM pg_attrdef WHERE adrelid = relation AND adnum = attnum)
)::text FROM columns WHERE relkind <> 'S'
UNION ALL
SELECT 'sequence', s.seqrelid::regclass::text, jsonb_build_object(
    'type', s.seqtypid::regtype::text, 'figures', ARRAY[s.seqstart, s.seqincrement, s.seqmax,
    s.seqmin, s.seqcache], 'cycles', s.seqcycle,
    'owner', (SELECT pg_describe_object(refclassid, refobjid, refobjsubid) FROM pg_depend
        WHERE classid = 'pg_class'::regclass AND objid = s.seqrelid AND deptype IN ('a', 'i'))
)::text FROM pg_sequence AS s JOIN relations AS c ON c.oid = s.seqrelid
UNION ALL
SELECT 'constraint', concat(o.conrelid::regclass, o.contypid::regtype, ' ', o.conname),
    jsonb_build_object(
        'text', replace(pg_get_constraintdef(o.oid),
            CASE WHEN o.contype = 'f' THEN ' NOT VALID' ELSE '' END, ''),
        'local', o.conislocal, 'inherited', o.coninhcount, 'alone', o.connoinherit,
        'on index', CASE WHEN o.contype IN ('p', 'u', 'x') THEN o.conindid::regclass::text END,
        'valid', o.contype = 'f' OR o.convalidated
    )::text
FROM pg_constraint AS o JOIN here ON here.oid = o.connamespace
WHERE o.contype NOT IN ('t', 'n') AND NOT (o.contype = 'f' AND o.conparentid <> 0)
UNION ALL
SELECT 'index', x.relname, jsonb_build_object(
    'text', pg_get_indexdef(i.indexrelid),
    'flags', ARRAY[i.indisunique, i.indisprimary, i.indisexclusion, i.indimmediate,
        i.indisclustered, i.indisvalid, i.indisreplident],
    'parent', (SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = i.indexrelid),
    'statistics', (SELECT jsonb_object_agg(attnum, attstattarget) FROM pg_attribute
        WHERE attrelid = i.indexrelid AND coalesce(attstattarget, -1) >= 0)
)::text
FROM pg_index AS i JOIN relations AS c ON c.oid = i.indrelid
JOIN pg_class AS x ON x.oid = i.indexrelid WHERE i.indisvalid OR i.indisready AND c.relkind = 'p'
UNION ALL
SELECT CASE WHEN c.relkind IN ('v', 'm') THEN 'query' ELSE 'rule' END,
    format('%%s %%I', c.oid::regclass, r.rulename),
    jsonb_build_object('text', pg_get_ruledef(r.oid), 'state', r.ev_enabled)::text
FROM pg_rewrite AS r JOIN relations AS c ON c.oid = r.ev_class
UNION ALL
SELECT 'trigger', format('%%s %%I', c.oid::regclass, t.tgname), jsonb_build_object(
    'text', pg_get_triggerdef(t.oid), 'state', t.tgenabled, 'of a parent', t.tgparentid <> 0)::text
FROM pg_trigger AS t JOIN relations AS c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'routine', p.oid::regprocedure::text, CASE WHEN p.prokind = 'a' THEN (
    SELECT concat_ws(' ', a.aggkind, a.aggtransfn::regprocedure, a.aggfinalfn, a.aggcombinefn,
        a.aggtranstype::regtype, a.agginitval)
    FROM pg_aggregate AS a WHERE a.aggfnoid = p.oid)
    ELSE replace(pg_get_functiondef(p.oid), ' SECURITY DEFINER', '') END
FROM pg_proc AS p JOIN here ON here.oid = p.pronamespace
UNION ALL
SELECT 'type ' || t.typtype::text, t.typname, jsonb_build_object(
    'base', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
    'collation', CASE WHEN t.typtype = 'd' THEN nullif(t.typcollation, 0)::regcollation::text END,
    'not null', t.typnotnull, 'default', pg_get_expr(t.typdefaultbin, 0),
    'labels', (SELECT jsonb_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum
        WHERE enumtypid = t.oid),
    'range', (SELECT jsonb_build_array(rngsubtype::regtype::text, rngmultitypid::regtype::text,
        rngcollation::regcollation::text, rngsubopc, rngcanonical::text, rngsubdiff::text)
        FROM pg_range WHERE rngtypid = t.oid)
)::text
FROM pg_type AS t JOIN here ON here.oid = t.typnamespace
WHERE t.typtype <> 'b' AND (t.typrelid = 0 OR t.typrelid IN (SELECT oid FROM relations))
UNION ALL
SELECT 'statistics', s.stxname, jsonb_build_object('text', pg_get_statisticsobjdef(s.oid),
    'target', nullif(coalesce((to_jsonb(s) ->> 'stxstattarget')::int, -1), -1))::text
FROM pg_statistic_ext AS s JOIN here ON here.oid = s.stxnamespace
UNION ALL
SELECT 'operator', o.oid::regoperator::text,
    concat_ws(' ', o.oprcode::regprocedure, o.oprcom::regoperator, o.oprnegate::regoperator,
        o.oprcanmerge, o.oprcanhash, o.oprrest, o.oprjoin)
FROM pg_operator AS o JOIN here ON here.oid = o.oprnamespace
UNION ALL
SELECT 'collation', collname, concat_ws(' ', collprovider, collisdeterministic, collcollate,
    collctype) FROM pg_collation JOIN here ON here.oid = collnamespace
UNION ALL
SELECT 'text search', c.cfgname, (SELECT jsonb_agg(concat_ws(' ', m.maptokentype, m.mapseqno,
    m.mapdict::regdictionary) ORDER BY 1)::text FROM pg_ts_config_map AS m WHERE m.mapcfg = c.oid)
FROM pg_ts_config AS c JOIN here ON here.oid = c.cfgnamespace
UNION ALL
SELECT kind, object, detail FROM described WHERE classoid <> 'pg_namespace'::regclass
    AND classoid <> 'pg_policy'::regclass AND (
        (classoid = 'pg_class'::regclass AND objoid IN (SELECT oid FROM relations
            UNION ALL SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT oid FROM relations)))
        OR (classoid = 'pg_proc'::regclass AND objoid IN (SELECT p.oid FROM pg_proc AS p
            JOIN here ON here.oid = p.pronamespace))
        OR (classoid = 'pg_type'::regclass AND objoid IN (SELECT t.oid FROM pg_type AS t
            JOIN here ON here.oid = t.typnamespace))
        OR (classoid = 'pg_constraint'::regclass AND objoid IN (SELECT o.oid FROM pg_constraint AS o
            JOIN here ON here.oid = o.connamespace))
        OR (classoid = 'pg_trigger'::regclass AND objoid IN (SELECT t.oid FROM pg_trigger AS t
            WHERE t.tgrelid IN (SELECT oid FROM relations)))
        OR (classoid = 'pg_rewrite'::regclass AND objoid IN (SELECT r.oid FROM pg_rewrite AS r
            WHERE r.ev_class IN (SELECT oid FROM relations)))
        OR (classoid = 'pg_statistic_ext'::regclass AND objoid IN (SELECT s.oid
            FROM pg_statistic_ext AS s JOIN here ON here.oid = s.stxnamespace))
        OR (classoid = 'pg_operator'::regclass AND objoid IN (SELECT o.oid
            FROM pg_operator AS o JOIN here ON here.oid = o.oprnamespace))
    )
