SELECT 'pg_catalog.pg_class'::regclass::oid, c.oid FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = any(%(live)s)
    UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass::oid, t.oid FROM pg_catalog.pg_type AS t
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace WHERE n.nspname = any(%(live)s)
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::regclass::oid, p.oid FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = any(%(live)s)
