-- How far each append table is loaded: written in the transaction of each batch.
CREATE TABLE IF NOT EXISTS entrepot_ops.positions (
    stream text PRIMARY KEY,
    source_schema text NOT NULL,
    table_schema text NOT NULL,
    table_name text NOT NULL,
    replication_key text NOT NULL,
    high text NOT NULL,
    row_count bigint NOT NULL DEFAULT 0,
    loaded_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE entrepot_ops.positions ADD COLUMN IF NOT EXISTS settled text;
ALTER TABLE entrepot_ops.positions ADD COLUMN IF NOT EXISTS columns jsonb;
COMMENT ON COLUMN entrepot_ops.positions.settled IS
'The key up to which no transaction of the source can add a row any more; above it, one may';
COMMENT ON COLUMN entrepot_ops.positions.columns IS
'The source''s number of each column, which a new name does not change';
COMMENT ON TABLE entrepot_ops.positions IS
'The replication key up to which each append table holds the rows of the source';
