-- What the report tells of data quality: columns that change, tests that fail, disks that fill.
CREATE TABLE entrepot_ops.table_shapes (
    table_schema text NOT NULL,
    table_name text NOT NULL,
    columns text [] NOT NULL,
    night_id bigint NOT NULL REFERENCES entrepot_ops.nights,
    PRIMARY KEY (table_schema, table_name)
);
COMMENT ON TABLE entrepot_ops.table_shapes IS
'The columns of each table as the last night found them: names, a tab, types';

CREATE TABLE entrepot_ops.schema_changes (
    night_id bigint NOT NULL REFERENCES entrepot_ops.nights,
    table_schema text NOT NULL,
    table_name text NOT NULL,
    column_name text NOT NULL,
    change text NOT NULL CHECK (change IN ('added', 'removed', 'retyped')),
    type_before text NOT NULL,
    type_after text NOT NULL,
    looks_personal boolean NOT NULL,
    models text [] NOT NULL,
    PRIMARY KEY (night_id, table_schema, table_name, column_name)
);
COMMENT ON TABLE entrepot_ops.schema_changes IS
'Columns that came, went or changed their type, and the dbt models that read the table';

CREATE TABLE entrepot_ops.test_failures (
    night_id bigint NOT NULL REFERENCES entrepot_ops.nights,
    node text NOT NULL,
    description text NOT NULL,
    model text NOT NULL,
    owner text NOT NULL,
    dashboards text [] NOT NULL,
    key_columns text [] NOT NULL,
    keys jsonb NOT NULL,
    PRIMARY KEY (night_id, node)
);
COMMENT ON TABLE entrepot_ops.test_failures IS
'Tests that failed or warned in a night, with the keys of some rows that they found';
COMMENT ON COLUMN entrepot_ops.test_failures.keys IS
'Values of key_columns, never of a column that is personal or looks so';

CREATE TABLE entrepot_ops.disk_space (
    night_id bigint NOT NULL REFERENCES entrepot_ops.nights,
    place text NOT NULL,
    used_bytes bigint NOT NULL,
    free_bytes bigint,
    PRIMARY KEY (night_id, place)
);
COMMENT ON TABLE entrepot_ops.disk_space IS
'At the end of a night: the disk of WORK_DIR, and the size of the warehouse''s database';
