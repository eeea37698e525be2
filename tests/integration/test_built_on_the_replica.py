"""What people built on the replica: it follows from night to night."""

from __future__ import annotations

import psycopg

from entrepot_lab.postgres.warehouse import READER, Lab

_SOURCE = """
SET search_path = public;
CREATE SCHEMA shop;
CREATE TYPE status AS ENUM ('open', 'shut');
CREATE TYPE "Odd type" AS ENUM ('a', 'b,c');
CREATE DOMAIN short AS varchar(10) CHECK (VALUE <> '');
CREATE TYPE shop.pair AS (state status, tag short);
CREATE FUNCTION status(t text) RETURNS status LANGUAGE sql AS $$ SELECT t::public.status $$;
CREATE TABLE tickets (id int PRIMARY KEY, state status DEFAULT 'open'::status, tag short,
    both_of shop.pair, states status[], odd "Odd type", status text);
INSERT INTO tickets VALUES (1, 'open', 'x', ('open', 'y'), '{open,shut}', 'b,c', 'status');
CREATE INDEX tickets_open ON tickets (id) WHERE state = 'open';
COMMENT ON TYPE status IS 'open or shut'; COMMENT ON COLUMN shop.pair.tag IS 'of a pair';
COMMENT ON DOMAIN short IS 'not long'; COMMENT ON FUNCTION status(text) IS 'a function';
CREATE TYPE cast_away AS ENUM ('x');
CREATE FUNCTION cut(cast_away) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE CAST (cast_away AS int) WITH FUNCTION cut(cast_away);
CREATE VIEW seen AS SELECT state, 'public.status' AS named FROM tickets;
"""
_BUILT = """
CREATE SCHEMA analytics; GRANT USAGE ON SCHEMA analytics TO internal_reader;
CREATE VIEW analytics.by_state WITH (security_barrier=true) AS
    SELECT state, count(*) AS n FROM pix.tickets GROUP BY state;
CREATE VIEW analytics.tags AS SELECT id, tag, both_of, states, odd FROM pix.tickets;
CREATE VIEW analytics.on_top AS SELECT t.id, b.n, t.both_of FROM analytics.tags AS t
    CROSS JOIN analytics.by_state AS b JOIN pix.tickets AS p USING (id);
COMMENT ON VIEW analytics.by_state IS 'it''s by state';
COMMENT ON COLUMN analytics.by_state.n IS 'how many';
GRANT SELECT ON ALL TABLES IN SCHEMA analytics TO internal_reader;
"""


def _one(session: psycopg.Connection, query: str) -> object:
    row = session.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_types_stay_the_same_and_what_shows_them_follows(empty_lab: Lab) -> None:
    """A pooled session's prepared statements go on, and so do views with enums and domains."""
    with empty_lab.source() as source:
        source.execute(_SOURCE)
    empty_lab.night()
    with empty_lab.warehouse() as warehouse:
        warehouse.execute(_BUILT)
    with empty_lab.warehouse(READER) as pooled:
        for number, query in enumerate(("SELECT * FROM pix.tickets", "TABLE pix.seen")):
            pooled.execute(f"PREPARE p{number} AS {query}")
            pooled.execute(f"EXECUTE p{number}")
        for night in (2, 3):
            with empty_lab.source() as source:
                source.execute(
                    f"INSERT INTO public.tickets VALUES ({night}, 'open', 'z', NULL, NULL, 'a', '')"
                )
            output = empty_lab.night()
            assert "stays on the previous night" not in output
            for number in range(2):
                assert len(pooled.execute(f"EXECUTE p{number}").fetchall()) == night
            assert _one(pooled, "SELECT n FROM analytics.by_state") == night
            assert _one(pooled, "SELECT count(*) FROM analytics.on_top") == night
    empty_lab.assert_replicated()
    status, output = empty_lab.run("drop-previous")
    assert status == 0, output
    empty_lab.assert_clean()


def test_views_follow_a_type_that_has_changed(empty_lab: Lab) -> None:
    with empty_lab.source() as source:
        source.execute(_SOURCE)
    empty_lab.night()
    with empty_lab.warehouse() as warehouse:
        warehouse.execute(_BUILT)
    with empty_lab.source() as source:
        source.execute("ALTER TYPE public.status ADD VALUE 'new'")
        source.execute("INSERT INTO public.tickets (id, state) VALUES (2, 'new')")
    empty_lab.night()
    with empty_lab.warehouse(READER) as reader:
        assert _one(reader, "SELECT count(*) FROM analytics.by_state") == 2
        assert _one(reader, "SELECT count(*) FROM analytics.on_top") == 4
        query = "SELECT obj_description('analytics.by_state'::regclass)"
        assert _one(reader, query) == "it's by state"
        query = "SELECT reloptions::text FROM pg_class WHERE relname = 'by_state'"
        assert _one(reader, query) == "{security_barrier=true}"
    status, output = empty_lab.run("drop-previous")
    assert status == 0, output
    empty_lab.assert_clean()
    empty_lab.assert_replicated()


def test_a_view_that_has_more_than_can_be_made_again_is_named(empty_lab: Lab) -> None:
    with empty_lab.source() as source:
        source.execute(_SOURCE)
    empty_lab.night()
    with empty_lab.warehouse() as warehouse:
        warehouse.execute(_BUILT)
        warehouse.execute(
            "CREATE MATERIALIZED VIEW analytics.kept AS SELECT * FROM analytics.by_state"
        )
    with empty_lab.source() as source:
        source.execute("ALTER TYPE public.status ADD VALUE 'new'")
    status, output = empty_lab.run("run")
    assert status == 0, output
    assert (
        "view analytics.by_state: stays on the previous night: analytics.kept" in output
    )
    with empty_lab.warehouse(READER) as reader:
        assert _one(reader, "SELECT n FROM analytics.by_state") == 1
