-- The record of every run. Like 0002 to 0005 it also finds tables that releases before numbered
-- migrations have made (0.1.0): hence IF NOT EXISTS, which later migrations need not write.
CREATE TABLE IF NOT EXISTS entrepot_ops.runs (
    run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    command text NOT NULL,
    mode text NOT NULL,
    status text NOT NULL DEFAULT 'running'
        CHECK (status IN ('running', 'succeeded', 'failed', 'cancelled', 'interrupted')),
    host text NOT NULL,
    pid integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    step text NOT NULL DEFAULT 'start',
    message text,
    landing text[] NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE entrepot_ops.runs IS 'One row for each start of a command that writes to the warehouse';
COMMENT ON COLUMN entrepot_ops.runs.landing IS
'Schemas in which an unfinished run may have left objects; empty once they are clean';

CREATE TABLE IF NOT EXISTS entrepot_ops.steps (
    run_id bigint NOT NULL REFERENCES entrepot_ops.runs,
    attempt integer NOT NULL,
    step text NOT NULL,
    started_at timestamptz NOT NULL,
    seconds double precision,
    status text NOT NULL DEFAULT 'running',
    PRIMARY KEY (run_id, attempt, step)
);
COMMENT ON TABLE entrepot_ops.steps IS 'The steps of a run, in the order of started_at';

CREATE TABLE IF NOT EXISTS entrepot_ops.items (
    run_id bigint NOT NULL REFERENCES entrepot_ops.runs,
    attempt integer NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    started_at timestamptz NOT NULL,
    seconds double precision NOT NULL,
    row_count bigint,
    byte_count bigint
);
CREATE INDEX IF NOT EXISTS items_run_id_idx ON entrepot_ops.items (run_id);
COMMENT ON TABLE entrepot_ops.items IS
'Every restored item of a run: table data, index, constraint, foreign key, statistics…';

CREATE TABLE IF NOT EXISTS entrepot_ops.findings (
    run_id bigint NOT NULL REFERENCES entrepot_ops.runs,
    found_at timestamptz NOT NULL DEFAULT now(),
    subject text NOT NULL,
    finding text NOT NULL
);
COMMENT ON TABLE entrepot_ops.findings IS
'What a run left out, could not keep or wants a person to look at';

CREATE TABLE IF NOT EXISTS entrepot_ops.publications (
    run_id bigint PRIMARY KEY REFERENCES entrepot_ops.runs,
    published_at timestamptz NOT NULL DEFAULT now(),
    schemas text[] NOT NULL
);
COMMENT ON TABLE entrepot_ops.publications IS
'Written inside the publishing transaction: tells whether it committed when its answer was lost';

CREATE TABLE IF NOT EXISTS entrepot_ops.retired_schemas (
    schema_name text NOT NULL,
    run_id bigint NOT NULL REFERENCES entrepot_ops.runs,
    retired_at timestamptz NOT NULL DEFAULT now(),
    dropped_at timestamptz
);
COMMENT ON TABLE entrepot_ops.retired_schemas IS
'Schemas of earlier nights, kept until the transformations of a later one have passed';

CREATE TABLE IF NOT EXISTS entrepot_ops.audits (
    run_id bigint NOT NULL REFERENCES entrepot_ops.runs,
    stream text NOT NULL,
    low text,
    high text,
    is_at_end boolean NOT NULL,
    is_dry_run boolean NOT NULL,
    compared_rows bigint NOT NULL,
    differing_ranges integer NOT NULL,
    missing_rows bigint NOT NULL,
    changed_rows bigint NOT NULL,
    surplus_rows bigint NOT NULL,
    audited_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, stream)
);
COMMENT ON TABLE entrepot_ops.audits IS
'Slices of append tables compared with the source: above low, up to high; what differed is repaired unless in a dry run';

CREATE TABLE IF NOT EXISTS entrepot_ops.external_rows (
    role_name name NOT NULL,
    organization_id bigint
);
CREATE UNIQUE INDEX IF NOT EXISTS external_rows_key
ON entrepot_ops.external_rows (role_name, (coalesce(organization_id, -1)));
COMMENT ON TABLE entrepot_ops.external_rows IS
'Whose rows of external a role reads, when EXTERNAL_ROW_SECURITY is true; NULL: every organisation''s';

CREATE OR REPLACE FUNCTION entrepot_ops.external_rows_of(reader name) RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT coalesce(pg_catalog.array_agg(m.organization_id), '{}')
    FROM entrepot_ops.external_rows AS m
    JOIN pg_catalog.pg_roles AS r ON r.rolname = m.role_name
    WHERE pg_catalog.pg_has_role(reader, r.oid, 'USAGE')
$$;
COMMENT ON FUNCTION entrepot_ops.external_rows_of(name) IS
'The organisations whose rows a role reads: its own and those of the roles that it inherits';
