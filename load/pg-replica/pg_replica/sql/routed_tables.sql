WITH RECURSIVE above (leaf, parent, depth) AS (
    SELECT i.inhrelid, i.inhparent, 1
    FROM pg_catalog.pg_inherits AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
    WHERE c.relispartition AND c.relkind = 'r'
    UNION ALL
    SELECT a.leaf, i.inhparent, a.depth + 1
    FROM above AS a
    JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = a.parent
)
SELECT DISTINCT ON (a.leaf) ln.nspname, l.relname, pn.nspname, p.relname
FROM above AS a
JOIN pg_catalog.pg_partitioned_table AS t ON t.partrelid = a.parent
JOIN pg_catalog.pg_class AS l ON l.oid = a.leaf
JOIN pg_catalog.pg_namespace AS ln ON ln.oid = l.relnamespace
JOIN pg_catalog.pg_class AS p ON p.oid = a.parent
JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace
WHERE t.partstrat = 'h' AND EXISTS (
    SELECT FROM pg_catalog.unnest(t.partclass::oid[]) AS k (class)
    JOIN pg_catalog.pg_opclass AS o ON o.oid = k.class
    JOIN pg_catalog.pg_type AS y ON y.oid = o.opcintype
    WHERE y.typname = any(%(by_oid)s) OR (%(by_bytes)s AND y.typcollation <> 0)
)
ORDER BY a.leaf, a.depth DESC
