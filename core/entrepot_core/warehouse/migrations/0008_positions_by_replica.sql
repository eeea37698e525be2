-- Two replicas of one warehouse may each have an append table of the same stream.
ALTER TABLE entrepot_ops.positions DROP CONSTRAINT positions_pkey;
ALTER TABLE entrepot_ops.positions ADD PRIMARY KEY (table_schema, stream);

ALTER TABLE entrepot_ops.audits ADD COLUMN table_schema text;
UPDATE entrepot_ops.audits AS a SET table_schema = p.table_schema
FROM entrepot_ops.positions AS p WHERE p.stream = a.stream;
COMMENT ON COLUMN entrepot_ops.audits.table_schema IS
'The schema of the append tables of the replica that was audited; NULL for a table that was gone';
