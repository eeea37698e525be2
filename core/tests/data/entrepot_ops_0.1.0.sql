-- Schema entrepot_ops as release 0.1.0 made it, before migrations had numbers: the statements of
-- its five creators, and some rows. Never to be changed: warehouses like this one exist.
CREATE SCHEMA IF NOT EXISTS entrepot_ops;
COMMENT ON SCHEMA entrepot_ops IS 'What each run of Entrepôt did, step by step and item by item';

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
CREATE SCHEMA IF NOT EXISTS entrepot_ops;
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
CREATE SCHEMA IF NOT EXISTS entrepot_ops;
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
CREATE SCHEMA IF NOT EXISTS entrepot_ops;

CREATE TABLE IF NOT EXISTS entrepot_ops.nights (
    night_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope text NOT NULL DEFAULT '',
    status text NOT NULL DEFAULT 'running' CHECK (
        status IN ('running', 'succeeded', 'differs', 'failed', 'cancelled', 'interrupted', 'imported')
    ),
    host text NOT NULL,
    pid integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    step text NOT NULL DEFAULT '',
    message text
);
COMMENT ON TABLE entrepot_ops.nights IS
'One row for each night of `ops nightly`; a night that is continued stays the same night';
COMMENT ON COLUMN entrepot_ops.nights.scope IS
'Empty for a whole night; what --from or --only asked for; the file of an imported log';
COMMENT ON COLUMN entrepot_ops.nights.step IS 'The step that runs, or ran last';

CREATE TABLE IF NOT EXISTS entrepot_ops.night_starts (
    night_id bigint NOT NULL REFERENCES entrepot_ops.nights,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    host text NOT NULL,
    pid integer NOT NULL,
    status text NOT NULL DEFAULT 'running',
    PRIMARY KEY (night_id, started_at)
);
COMMENT ON TABLE entrepot_ops.night_starts IS
'Each time that a night was begun or continued, and how that ended';

CREATE TABLE IF NOT EXISTS entrepot_ops.night_steps (
    night_id bigint NOT NULL REFERENCES entrepot_ops.nights,
    step text NOT NULL,
    attempt integer NOT NULL,
    place integer NOT NULL,
    task text NOT NULL,
    status text NOT NULL CHECK (
        status IN (
            'running', 'succeeded', 'partial', 'differs', 'failed', 'skipped', 'cancelled', 'interrupted'
        )
    ),
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    seconds double precision,
    exit_status integer,
    row_count bigint,
    byte_count bigint,
    run_ids bigint [] NOT NULL DEFAULT '{}',
    input text NOT NULL DEFAULT '',
    message text,
    PRIMARY KEY (night_id, step, attempt)
);
COMMENT ON TABLE entrepot_ops.night_steps IS
'Each attempt at each step of a night; partial: models of sources that failed were left out';
COMMENT ON COLUMN entrepot_ops.night_steps.run_ids IS 'The runs that it started, in entrepot_ops.runs';
COMMENT ON COLUMN entrepot_ops.night_steps.input IS
'A digest of settings and files: when it changes, a step that succeeded is done again';

CREATE TABLE IF NOT EXISTS entrepot_ops.dbt_results (
    night_id bigint NOT NULL REFERENCES entrepot_ops.nights,
    attempt integer NOT NULL,
    node text NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    seconds double precision NOT NULL,
    row_count bigint,
    failures bigint,
    message text,
    PRIMARY KEY (night_id, attempt, node)
);
COMMENT ON TABLE entrepot_ops.dbt_results IS
'What became of each model, test and seed in each attempt at a build';

CREATE TABLE IF NOT EXISTS entrepot_ops.table_sizes (
    night_id bigint NOT NULL REFERENCES entrepot_ops.nights,
    table_schema text NOT NULL,
    table_name text NOT NULL,
    row_estimate bigint,
    byte_count bigint NOT NULL,
    PRIMARY KEY (night_id, table_schema, table_name)
);
COMMENT ON TABLE entrepot_ops.table_sizes IS
'The tables of the warehouse at the end of a night: rows as the planner estimates them, bytes with indexes';

CREATE TABLE IF NOT EXISTS entrepot_ops.notifications (
    night_id bigint REFERENCES entrepot_ops.nights,
    sent_at timestamptz NOT NULL DEFAULT now(),
    receiver text NOT NULL,
    outcome text NOT NULL,
    is_delivered boolean NOT NULL,
    message text NOT NULL
);
COMMENT ON TABLE entrepot_ops.notifications IS
'Who was told how a night ended; of a URL only its host, for the rest can be secret';

create table if not exists entrepot_ops.following (
    model_schema text not null,
    model_name text not null,
    checksum text not null,
    change_id bigint not null,
    built_at timestamptz not null default now(),
    primary key (model_schema, model_name)
);
comment on table entrepot_ops.following is
'Up to which of entrepot_ops.changes each model that follows an append table holds it';

INSERT INTO entrepot_ops.runs (command, mode, status, host, pid, started_at, ended_at, step) VALUES
('run', 'live', 'succeeded', 'old-host', 4711, now() - interval '26 h', now() - interval '25 h', 'publish'),
('audit', 'live', 'succeeded', 'old-host', 4712, now() - interval '24 h', now() - interval '24 h', 'audit'),
('run', 'live', 'running', 'old-host', 4713, now() - interval '2 h', NULL, 'data');
INSERT INTO entrepot_ops.steps (run_id, attempt, step, started_at, seconds, status) VALUES
(1, 1, 'data', now() - interval '26 h', 3000.5, 'succeeded');
INSERT INTO entrepot_ops.items VALUES
(1, 1, 'TABLE DATA', 'users', now() - interval '26 h', 12.5, 2000, 400000);
INSERT INTO entrepot_ops.findings (run_id, subject, finding) VALUES (1, 'table users', 'something');
INSERT INTO entrepot_ops.publications (run_id, schemas) VALUES (1, '{pix}');
INSERT INTO entrepot_ops.retired_schemas (schema_name, run_id, dropped_at) VALUES ('pix_previous', 1, now());
INSERT INTO entrepot_ops.audits VALUES (2, 'public-answers', NULL, '100', false, false, 100, 0, 0, 0, 0);
INSERT INTO entrepot_ops.external_rows VALUES ('rectorat', 1), ('region', NULL);
INSERT INTO entrepot_ops.changes (table_schema, table_name, low, high) VALUES
('pix_incremental', 'answers', '1', '100');
INSERT INTO entrepot_ops.positions
(stream, source_schema, table_schema, table_name, replication_key, high, row_count, settled, columns)
VALUES ('public-answers', 'public', 'pix_incremental', 'answers', 'id', '100', 100, '90', '{"id": 1}');
INSERT INTO entrepot_ops.nights (status, host, pid, started_at, ended_at, step) VALUES
('succeeded', 'old-host', 4700, now() - interval '26 h', now() - interval '24 h', 'notify');
INSERT INTO entrepot_ops.night_starts (night_id, host, pid, status) VALUES (1, 'old-host', 4700, 'succeeded');
INSERT INTO entrepot_ops.night_steps (night_id, step, attempt, place, task, status, run_ids) VALUES
(1, 'full-replication', 1, 1, 'invoke pg-replica run', 'succeeded', '{1}');
INSERT INTO entrepot_ops.dbt_results VALUES (1, 1, 'model.entrepot.a', 'model', 'success', 1.5, 10, NULL, NULL);
INSERT INTO entrepot_ops.table_sizes VALUES (1, 'pix', 'users', 2000, 400000);
INSERT INTO entrepot_ops.notifications (night_id, receiver, outcome, is_delivered, message) VALUES
(1, 'hooks.example.org', 'success', true, '200');
INSERT INTO entrepot_ops.following VALUES ('enrichment', 'answers_by_day', 'abc', 1);
