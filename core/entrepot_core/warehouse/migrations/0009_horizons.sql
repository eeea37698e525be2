-- What each night was taken under, so that the next one can bring what has changed since.
CREATE TABLE entrepot_ops.horizons (
    run_id bigint PRIMARY KEY REFERENCES entrepot_ops.runs,
    replica_schema text NOT NULL,
    transaction_id text,
    source jsonb NOT NULL,
    definitions jsonb NOT NULL,
    settings jsonb NOT NULL,
    tables jsonb NOT NULL,
    replica jsonb NOT NULL,
    warehouse_snapshot text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE entrepot_ops.horizons IS
'What a night was taken under: only a night that finds the same things again may bring changes alone';
COMMENT ON COLUMN entrepot_ops.horizons.transaction_id IS
'The transaction that applied the changes: the horizon counts only if it committed; null after a whole copy';
COMMENT ON COLUMN entrepot_ops.horizons.source IS
'Server, timeline, start, position in the WAL and oldest running transaction of the source';
COMMENT ON COLUMN entrepot_ops.horizons.definitions IS 'A digest of each object of the source';
COMMENT ON COLUMN entrepot_ops.horizons.settings IS 'A digest of each variable and rule on which rows depend';
COMMENT ON COLUMN entrepot_ops.horizons.tables IS 'The file of each table of the source';
COMMENT ON COLUMN entrepot_ops.horizons.replica IS 'A digest of each object of the replica';
COMMENT ON COLUMN entrepot_ops.horizons.warehouse_snapshot IS
'What was committed in the warehouse: rows of the replica that are newer were written by somebody else';

CREATE TABLE entrepot_ops.table_changes (
    run_id bigint NOT NULL REFERENCES entrepot_ops.runs,
    table_name text NOT NULL,
    way text NOT NULL,
    reason text NOT NULL,
    inserted_rows bigint NOT NULL,
    updated_rows bigint NOT NULL,
    deleted_rows bigint NOT NULL,
    row_count bigint NOT NULL,
    PRIMARY KEY (run_id, table_name)
);
COMMENT ON TABLE entrepot_ops.table_changes IS
'What a night that brought changes alone did to each table, as the source names it';
COMMENT ON COLUMN entrepot_ops.table_changes.way IS
'changed rows, or whole: all rows were read, and those applied that differ';
COMMENT ON COLUMN entrepot_ops.table_changes.row_count IS 'Rows of the table afterwards';

ALTER TABLE entrepot_ops.runs ADD COLUMN replication text;
ALTER TABLE entrepot_ops.runs ADD COLUMN replication_reason text;
COMMENT ON COLUMN entrepot_ops.runs.replication IS
'delta: what had changed was applied in place; full: everything was copied, and swapped';
COMMENT ON COLUMN entrepot_ops.runs.replication_reason IS 'Why everything was copied';
