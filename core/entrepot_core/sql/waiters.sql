SELECT w.pid, min(w.relation::regclass::text)
FROM pg_catalog.pg_locks AS w
WHERE NOT w.granted AND w.locktype = 'relation'
    AND w.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
    AND pg_catalog.pg_blocking_pids(w.pid) && (
        SELECT pg_catalog.array_agg(a.pid) FROM pg_catalog.pg_stat_activity AS a
        WHERE a.usename = current_user AND pg_catalog.starts_with(
            a.application_name,
            pg_catalog.substring(
                pg_catalog.current_setting('application_name'), '^[^ ]+ [^ ]+'
            )
        )
    )
GROUP BY w.pid
