-- What a database holds, by kind; what extensions own is theirs.
WITH user_schemas AS (
    SELECT
        n.oid,
        n.nspname
    FROM pg_catalog.pg_namespace AS n
    WHERE
        n.nspname <> 'information_schema'
        AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
),

owned_by_extensions AS (
    SELECT d.classid, d.objid
    FROM pg_catalog.pg_depend AS d
    WHERE d.deptype = 'e'
)

SELECT
    CASE c.relkind
        WHEN 'r' THEN 'tables'
        WHEN 'p' THEN 'partitioned tables'
        WHEN 'v' THEN 'views'
        WHEN 'm' THEN 'materialized views'
        WHEN 'f' THEN 'foreign tables'
    END AS kind,
    n.nspname::text AS place,
    count(*) AS objects
FROM pg_catalog.pg_class AS c
INNER JOIN user_schemas AS n ON c.relnamespace = n.oid
WHERE
    c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND c.relpersistence <> 't'
    AND NOT EXISTS (
        SELECT FROM owned_by_extensions AS e
        WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid
    )
GROUP BY 1, 2
UNION ALL
SELECT
    'functions' AS kind,
    n.nspname::text AS place,
    count(*) AS objects
FROM pg_catalog.pg_proc AS p
INNER JOIN user_schemas AS n ON p.pronamespace = n.oid
WHERE
    NOT EXISTS (
        SELECT FROM owned_by_extensions AS e
        WHERE e.classid = 'pg_catalog.pg_proc'::regclass AND e.objid = p.oid
    )
GROUP BY 1, 2
UNION ALL
SELECT
    'large objects' AS kind,
    '' AS place,
    count(*) AS objects
FROM pg_catalog.pg_largeobject_metadata
UNION ALL
SELECT
    'publications' AS kind,
    '' AS place,
    count(*) AS objects
FROM pg_catalog.pg_publication
UNION ALL
SELECT
    'event triggers' AS kind,
    '' AS place,
    count(*) AS objects
FROM pg_catalog.pg_event_trigger AS t
WHERE
    NOT EXISTS (
        SELECT FROM owned_by_extensions AS e
        WHERE e.classid = 'pg_catalog.pg_event_trigger'::regclass AND e.objid = t.oid
    )
ORDER BY 1, 2
