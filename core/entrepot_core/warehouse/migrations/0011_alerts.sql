-- Whether the people who should hear of a night did: it says nothing of the night itself.
ALTER TABLE entrepot_ops.nights ADD COLUMN IF NOT EXISTS alerts text;
COMMENT ON COLUMN entrepot_ops.nights.alerts IS
'told, or not told where a receiver or the heartbeat could not be reached; null where there is none';
