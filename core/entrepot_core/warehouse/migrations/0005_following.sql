-- How far each dbt model that follows an append table is built.
CREATE TABLE IF NOT EXISTS entrepot_ops.following (
    model_schema text NOT NULL,
    model_name text NOT NULL,
    checksum text NOT NULL,
    change_id bigint NOT NULL,
    built_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (model_schema, model_name)
);
COMMENT ON TABLE entrepot_ops.following IS
'Up to which of entrepot_ops.changes each model that follows an append table holds it';
