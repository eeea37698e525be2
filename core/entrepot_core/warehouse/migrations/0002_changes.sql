-- Which ranges of an append table have changed.
CREATE TABLE IF NOT EXISTS entrepot_ops.changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_schema text NOT NULL,
    table_name text NOT NULL,
    low text,
    high text,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS changes_table_idx
ON entrepot_ops.changes (table_schema, table_name, change_id);
COMMENT ON TABLE entrepot_ops.changes IS
'Ranges of the replication key in which an append table''s rows were added, replaced or removed';
COMMENT ON COLUMN entrepot_ops.changes.low IS 'Above this key; null for the first row on';
COMMENT ON COLUMN entrepot_ops.changes.high IS 'Up to this key, included; null for the last row';
