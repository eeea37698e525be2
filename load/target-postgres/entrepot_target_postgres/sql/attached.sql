SELECT label FROM (
    SELECT 'trigger ' || tgname FROM pg_catalog.pg_trigger
    WHERE tgrelid = to_regclass(%(table)s) AND NOT tgisinternal
    UNION ALL
    SELECT 'policy ' || polname FROM pg_catalog.pg_policy WHERE polrelid = to_regclass(%(table)s)
    UNION ALL
    SELECT 'publication ' || p.pubname FROM pg_catalog.pg_publication_rel AS r
    JOIN pg_catalog.pg_publication AS p ON p.oid = r.prpubid
    WHERE r.prrelid = to_regclass(%(table)s)
    UNION ALL
    SELECT 'statistics ' || stxname FROM pg_catalog.pg_statistic_ext
    WHERE stxrelid = to_regclass(%(table)s)
    UNION ALL
    SELECT 'inheritance' FROM pg_catalog.pg_inherits
    WHERE to_regclass(%(table)s) IN (inhrelid, inhparent)
    UNION ALL
    SELECT 'owner ' || pg_catalog.pg_get_userbyid(relowner) FROM pg_catalog.pg_class
    WHERE oid = to_regclass(%(table)s) AND relowner <> current_user::regrole
) AS found (label)
