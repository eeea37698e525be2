-- What readers may know of the record: as of when each schema is that they may use.
CREATE TABLE entrepot_ops.loads (
    table_schema text NOT NULL,
    table_name text NOT NULL,
    source text NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (table_schema, table_name)
);
COMMENT ON TABLE entrepot_ops.loads IS
'When target-postgres last put all that a source had sent into each table; tables of one load have one time';
COMMENT ON COLUMN entrepot_ops.loads.source IS 'The tap, by its name in Meltano';

CREATE TABLE entrepot_ops.models (
    model_schema text NOT NULL,
    model_name text NOT NULL,
    built_at timestamptz,
    is_current boolean NOT NULL DEFAULT true,
    tested_at timestamptz,
    tests integer NOT NULL DEFAULT 0,
    warned_tests integer NOT NULL DEFAULT 0,
    failed_tests integer NOT NULL DEFAULT 0,
    PRIMARY KEY (model_schema, model_name)
);
COMMENT ON TABLE entrepot_ops.models IS 'What the last command of dbt that made or tested a model said of it';
COMMENT ON COLUMN entrepot_ops.models.built_at IS 'When it was last made without fault';
COMMENT ON COLUMN entrepot_ops.models.is_current IS
'Whether the last command that should have made it did';
COMMENT ON COLUMN entrepot_ops.models.tests IS 'How many tests that command ran on it';

CREATE SCHEMA IF NOT EXISTS entrepot_info;
COMMENT ON SCHEMA entrepot_info IS 'As of when the warehouse is: select * from entrepot_info.as_of';

CREATE VIEW entrepot_info.as_of WITH (security_barrier = true) AS
WITH published AS (
    SELECT DISTINCT ON (s.schema_name)
        s.schema_name,
        r.command,
        p.published_at,
        coalesce(
            (
                SELECT max(t.started_at) FROM entrepot_ops.steps AS t
                WHERE t.run_id = p.run_id AND t.step = 'read'
            ),
            r.started_at
        ) AS read_at
    FROM entrepot_ops.publications AS p
    JOIN entrepot_ops.runs AS r USING (run_id)
    CROSS JOIN LATERAL unnest(p.schemas) AS s (schema_name)
    ORDER BY s.schema_name, p.published_at DESC
), replica AS (
    SELECT max(published_at) AS published_at, max(read_at) AS read_at FROM published
    WHERE command <> 'publish-external'
), begun AS (
    SELECT max(started_at) AS started_at FROM entrepot_ops.nights WHERE ended_at IS NOT NULL AND scope = ''
), told AS (
    SELECT
        p.schema_name,
        CASE p.command WHEN 'publish-external' THEN 'dbt' ELSE 'pg-replica' END AS source,
        CASE
            WHEN p.command = 'publish-external' AND r.published_at <= p.published_at THEN r.read_at
            WHEN p.command = 'publish-external' THEN p.published_at
            ELSE p.read_at
        END AS as_of,
        p.published_at AS shown_since,
        true AS is_complete,
        NULL::text[] AS tables
    FROM published AS p CROSS JOIN replica AS r
    UNION ALL
    SELECT table_schema, 'tap-postgres', max(loaded_at), max(loaded_at), true, array_agg(table_name)
    FROM entrepot_ops.positions
    GROUP BY table_schema
    UNION ALL
    SELECT l.table_schema, l.source, min(l.loaded_at), max(l.loaded_at),
        count(DISTINCT l.loaded_at) = 1, array_agg(l.table_name)
    FROM entrepot_ops.loads AS l
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = l.table_schema
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = l.table_name
    GROUP BY l.table_schema, l.source
    UNION ALL
    SELECT m.model_schema, 'dbt',
        CASE WHEN min(m.built_at) >= r.published_at THEN r.read_at ELSE min(m.built_at) END,
        max(m.built_at),
        bool_and(
            m.is_current AND m.built_at IS NOT NULL
            AND m.built_at >= coalesce(greatest(r.published_at, b.started_at), m.built_at)
        ),
        NULL
    FROM entrepot_ops.models AS m CROSS JOIN replica AS r CROSS JOIN begun AS b
    WHERE m.model_schema <> 'external'
    GROUP BY m.model_schema, r.published_at, r.read_at
)
SELECT
    t.schema_name AS schema,
    t.source,
    t.as_of,
    t.shown_since,
    (
        SELECT max(night_id) FROM entrepot_ops.nights
        WHERE started_at <= t.shown_since AND coalesce(ended_at, t.shown_since) >= t.shown_since
    ) AS night,
    CASE WHEN t.is_complete THEN 'complete' ELSE 'partial' END AS state,
    counted.rows
FROM told AS t
JOIN pg_catalog.pg_namespace AS n ON n.nspname = t.schema_name
CROSS JOIN LATERAL (
    SELECT sum(c.reltuples) FILTER (WHERE c.reltuples >= 0)::bigint AS rows
    FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'm')
        AND (t.tables IS NULL OR c.relname = any(t.tables))
) AS counted
WHERE pg_catalog.has_schema_privilege(n.oid, 'USAGE')
ORDER BY 1, 2;
COMMENT ON VIEW entrepot_info.as_of IS
'As of when each schema is that you may use, by source';
COMMENT ON COLUMN entrepot_info.as_of.as_of IS
'Everything that the source held at this time is here; of models: what their sources held';
COMMENT ON COLUMN entrepot_info.as_of.shown_since IS 'When readers began to see it';
COMMENT ON COLUMN entrepot_info.as_of.night IS
'The night of `ops nightly` that brought it; NULL when other commands did';
COMMENT ON COLUMN entrepot_info.as_of.state IS
'complete; or partial: some of the tables are of an earlier night';
COMMENT ON COLUMN entrepot_info.as_of.rows IS
'Rows of its tables as the planner estimates them; NULL where there are only views';
GRANT USAGE ON SCHEMA entrepot_info TO PUBLIC;
GRANT SELECT ON entrepot_info.as_of TO PUBLIC;
