-- Who the source is, and how far it is: all of it under the snapshot of the transaction, but for
-- the positions in the WAL. A function that this role may not call gives NULL.
SELECT
    pg_catalog.pg_is_in_recovery() AS is_standby,
    pg_catalog.pg_postmaster_start_time()::text AS started_at,
    CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
        THEN (SELECT s.system_identifier::text FROM pg_catalog.pg_control_system() AS s)
    END AS system,
    (SELECT d.oid::text FROM pg_catalog.pg_database AS d
    WHERE d.datname = pg_catalog.current_database()) AS database_oid,
    CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'standby'
        ELSE pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8)
    END AS timeline,
    CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
        ELSE pg_catalog.pg_current_wal_insert_lsn() END
    - '0/0'::pg_catalog.pg_lsn AS wal_position,
    pg_catalog.txid_snapshot_xmin(pg_catalog.txid_current_snapshot()) AS oldest_transaction,
    pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot()) AS next_transaction
