-- The record of nights.
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
