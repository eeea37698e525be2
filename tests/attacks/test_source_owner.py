"""Actor: a developer of the source. May make any object in the source's database."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

import psycopg
import pytest

from entrepot_lab.postgres.warehouse import NO_ROLES, READER, REPLICA_OWNER, Lab

_ITEMS = """
CREATE TABLE items AS SELECT n AS id, repeat('x', 100) AS v FROM generate_series(1, {}) AS n
"""


def test_a_schema_of_that_name_in_the_warehouse(lab: Lab) -> None:
    """Attempt: give the source a schema that the warehouse has for its own models.

    Expected: refused with status 2 by `check` and by the night, with what to do; nothing of it is
    moved or dropped. Twin: a schema that only the source has lands, is published, and is replaced.
    """
    with lab.source() as source:
        source.execute(_ITEMS.format(10) + "; CREATE SCHEMA audit")
        source.execute("CREATE TABLE audit.log AS SELECT 1 AS id")
    for _ in range(3):
        lab.night()
        assert lab.run("drop-previous")[0] == 0
    with lab.warehouse() as warehouse:
        warehouse.execute("CREATE SCHEMA marts")
        warehouse.execute("CREATE TABLE marts.kpi AS SELECT 42 AS value")
        assert warehouse.execute("SELECT id FROM pix_audit.log").fetchone() == (1,)
    with lab.source() as source:
        source.execute("CREATE SCHEMA marts; CREATE TABLE marts.sales ()")
    for verb in ("check", "run"):
        status, output = lab.run(verb)
        assert (status, 'ALTER SCHEMA "marts" RENAME TO' in output) == (2, True), output
    with lab.warehouse() as warehouse:
        assert warehouse.execute("SELECT value FROM marts.kpi").fetchone() == (42,)
        warehouse.execute("ALTER SCHEMA marts RENAME TO our_marts")
    lab.night()
    lab.assert_clean()


def test_names_that_the_replica_needs(lab: Lab) -> None:
    """Attempt: the names of the replica's own schemas are taken by somebody else's.

    Expected: refused, and REPLICA_SCHEMA is the way out. Twin: the way out works.
    """
    with lab.source() as source:
        source.execute(_ITEMS.format(10))
    names = ("pix", "pix_next", "pix_previous")
    with lab.warehouse() as warehouse:
        for name in names:
            warehouse.execute(f"CREATE SCHEMA {name}; CREATE TABLE {name}.mine ()")
    for verb in ("check", "run"):
        status, output = lab.run(verb)
        assert status == 2, output
        for name in names:
            assert f"schema '{name}' of the warehouse was made by no run" in output
        assert "choose another REPLICA_SCHEMA" in output
    lab.night(REPLICA_SCHEMA="copy")
    lab.night(REPLICA_SCHEMA="copy")
    assert lab.run("drop-previous", REPLICA_SCHEMA="copy")[0] == 0
    with lab.warehouse() as warehouse:
        for name in names:
            warehouse.execute(f"SELECT FROM {name}.mine")


def test_what_somebody_puts_into_the_landing_of_a_killed_night(lab: Lab) -> None:
    """Attempt: a table in `public` while a night that was killed has left its own there.

    Expected: the next night is refused and names it; once it is moved, only the night's own is
    dropped.
    """
    with lab.source() as source:
        source.execute(_ITEMS.format(400_000))
    night = lab.start("run")
    with lab.warehouse() as warehouse:
        deadline = time.monotonic() + 60
        query = "SELECT to_regclass('public.items') IS NULL"
        while warehouse.execute(query).fetchone() == (True,):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(night.pid, signal.SIGKILL)
        lab.finish(night)
        warehouse.execute("CREATE TABLE public.notes AS SELECT 'mine' AS note")
        status, output = lab.run("run")
        assert (status, "table public.notes" in output) == (2, True), output
        assert "table public.items" not in output
        warehouse.execute(
            "CREATE SCHEMA desk; ALTER TABLE public.notes SET SCHEMA desk"
        )
        lab.night()
        assert warehouse.execute("SELECT note FROM desk.notes").fetchone() == ("mine",)
    lab.assert_clean()


def test_what_somebody_puts_into_the_landing_of_a_night_that_succeeds(lab: Lab) -> None:
    """Attempt: a table in `public` while the night goes on.

    Expected: it is neither published nor dropped, and the night says so.
    """
    with lab.source() as source:
        source.execute(_ITEMS.format(400_000))
    night = lab.start("run")
    with lab.warehouse() as warehouse:
        deadline = time.monotonic() + 60
        query = "SELECT to_regclass('public.items') IS NULL"
        while warehouse.execute(query).fetchone() == (True,):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        warehouse.execute("CREATE TABLE public.notes AS SELECT 'mine' AS note")
        status, output = lab.finish(night)
        assert (status, "public.notes: somebody else's" in output) == (0, True), output
        assert warehouse.execute("SELECT note FROM public.notes").fetchone() == (
            "mine",
        )


# Each attempt in its own block: whatever fails must not fail the night.
_HOSTILE = """
CREATE FUNCTION act() RETURNS void LANGUAGE plpgsql VOLATILE AS $body$
DECLARE attempt text;
BEGIN
    FOREACH attempt IN ARRAY ARRAY[
        'SET ROLE entrepot_replica', 'RESET ROLE', 'SET ROLE entrepot',
        'SET SESSION AUTHORIZATION entrepot', 'CREATE SCHEMA pwned',
        $q$UPDATE entrepot_ops.runs SET message = 'pwned'$q$,
        'CREATE TABLE pix.pwned ()', 'DROP TABLE pix.victims',
        'GRANT entrepot TO entrepot_build'
    ] LOOP
        BEGIN EXECUTE attempt; EXCEPTION WHEN OTHERS THEN NULL; END;
    END LOOP;
END $body$;
-- PostgreSQL lets an IMMUTABLE function change nothing by itself; by another one it may.
CREATE FUNCTION hostile(v int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $body$
BEGIN PERFORM public.act(); RETURN v; END $body$;
CREATE TABLE victims (id int PRIMARY KEY);
INSERT INTO victims VALUES (1);
"""
_CALLS = {
    "a CHECK": """
        CREATE TABLE t (v int CHECK (hostile(v) > 0));
        INSERT INTO t VALUES (1)
    """,
    "an index": """
        CREATE TABLE t (v int);
        INSERT INTO t VALUES (1);
        CREATE INDEX hostile_idx ON t (hostile(v))
    """,
    "a generated column": """
        CREATE TABLE t (v int, w int GENERATED ALWAYS AS (hostile(v)) STORED);
        INSERT INTO t (v) VALUES (1)
    """,
    "a domain": """
        CREATE DOMAIN d AS int CHECK (hostile(VALUE) > 0);
        CREATE TABLE t (v d);
        INSERT INTO t VALUES (1)
    """,
    "a materialized view": """
        CREATE TABLE t (v int);
        INSERT INTO t VALUES (1);
        CREATE VIEW between_them AS SELECT hostile(v) AS v FROM t;
        CREATE MATERIALIZED VIEW m AS SELECT v FROM between_them
    """,
    "statistics": """
        CREATE TABLE t (v int);
        INSERT INTO t VALUES (1);
        CREATE STATISTICS s ON (hostile(v)), v FROM t
    """,
}
_HARM = """
SELECT to_regnamespace('pwned') IS NOT NULL OR to_regclass('pix.pwned') IS NOT NULL
    OR to_regclass('pix.victims') IS NULL
    OR EXISTS (SELECT FROM entrepot_ops.runs WHERE message = 'pwned')
"""


def _with_hostile_code(lab: Lab, **variables: str) -> None:
    """Let a night succeed, then give the source code that a second night would run."""
    with lab.source() as source:
        source.execute(_HOSTILE)
    lab.night(**variables)
    with lab.source() as source:
        for number, call in enumerate(_CALLS.values()):
            source.execute(f"CREATE SCHEMA s{number}")
            source.execute(f"SET search_path = s{number}, public")
            source.execute(call)


def test_code_of_the_source_reaches_nothing(lab: Lab) -> None:
    """Attempt: code in CHECKs, indexes, generated columns, domains, statistics and views.

    It tries to become the owner and to change the replica and the record. Expected: the night
    succeeds and nothing is changed; the replica belongs to a role of its own.
    """
    _with_hostile_code(lab)
    lab.night()
    with lab.warehouse() as warehouse:
        assert warehouse.execute(_HARM).fetchone() == (False,)
        owners = warehouse.execute(
            "SELECT DISTINCT relowner::regrole::text FROM pg_class"
            " WHERE relkind IN ('r', 'm', 'v') AND relnamespace::regnamespace::text ~ '^pix'"
        ).fetchall()
        assert owners == [(REPLICA_OWNER,)]
        assert warehouse.execute("SELECT v FROM pix_s0.t").fetchone() == (1,)
    assert lab.run("drop-previous")[0] == 0
    lab.assert_clean()


def test_without_roles_it_is_refused_by_name(lab: Lab) -> None:
    """Attempt: the same in a warehouse whose owner does all.

    Expected: refused with status 2, each object named; the tables may be left out. Twin: who says
    TRUST_SOURCE_CODE=true gets a night, and the harm.
    """
    _with_hostile_code(lab, **NO_ROLES)
    for verb in ("check", "run"):
        status, output = lab.run(verb, **NO_ROLES)
        assert status == 2, output
        for named in (
            "check constraint t_v_check of s0.t",
            "index hostile_idx of s1.t",
            "column w of s2.t",
            "column v of s3.t",
            "materialized view data m of s4.m",
            "statistics s of s5.t",
        ):
            assert named in output, output
    tables = "".join(f"  s{number}.t: {{mode: none}}\n" for number in range(6))
    lab.policy(f"tables:\n{tables}tolerated_items: ['MATERIALIZED VIEW DATA m']\n")
    assert lab.run("run", **NO_ROLES)[0] == 0
    with lab.warehouse() as warehouse:
        assert warehouse.execute(_HARM).fetchone() == (False,)
    lab.policy("tables: {}\n")
    lab.run("run", TRUST_SOURCE_CODE="true", **NO_ROLES)
    with lab.warehouse() as warehouse:
        assert warehouse.execute(_HARM).fetchone() == (True,)


@pytest.mark.parametrize("wrong", ["a member of the owner", "no member", "no password"])
def test_roles_that_would_not_protect_are_refused(lab: Lab, wrong: str) -> None:
    """Expected: `check` says what is wrong, with the administrator's SQL, and no password."""
    with lab.warehouse_server.admin() as admin:
        admin.execute("DROP ROLE IF EXISTS weak")
        admin.execute("CREATE ROLE weak LOGIN PASSWORD 'something long'")
        if wrong == "a member of the owner":
            admin.execute("GRANT entrepot TO weak")
    password = "" if wrong == "no password" else "something long"
    status, output = lab.run("check", BUILD_ROLE="weak", BUILD_ROLE_PASSWORD=password)
    assert status == 2, output
    assert "something long" not in output
    expected = {
        "a member of the owner": "role weak is a member of entrepot",
        "no member": "role entrepot is not a member of role weak",
        "no password": "BUILD_ROLE_PASSWORD missing",
    }[wrong]
    assert expected in output


# The session that runs one of these shows it. An operator's function may be VOLATILE, and change
# anything; that of a range type by what it calls.
_CALLED_UNASKED = """
CREATE FUNCTION same(a int, b int) RETURNS bool LANGUAGE plpgsql VOLATILE AS $b$
BEGIN PERFORM set_config('evil.ran', 'same', false); RETURN a = b; END $b$;
CREATE FUNCTION differ(a int, b int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT a <> b';
CREATE OPERATOR === (
    LEFTARG = int, RIGHTARG = int, FUNCTION = same, NEGATOR = !==, RESTRICT = eqsel,
    JOIN = eqjoinsel
);
CREATE OPERATOR !== (
    LEFTARG = int, RIGHTARG = int, FUNCTION = int4ne, NEGATOR = ===, RESTRICT = neqsel
);
CREATE FUNCTION diff(a float8, b float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $b$
BEGIN PERFORM set_config('evil.ran', 'diff', false); RETURN a - b; END $b$;
CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = diff);
CREATE TYPE honest AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE DOMAIN positive AS int CHECK (same(VALUE, VALUE));
CREATE TABLE t (id int, r span, h honest, p positive);
INSERT INTO t SELECT n % 3, span(n, n + 1), honest(n, n + 1), n FROM generate_series(1, 300) AS n;
CREATE INDEX ON t USING gist (r);
CREATE VIEW v AS SELECT * FROM t WHERE id === 1;
CREATE VIEW w AS SELECT * FROM t WHERE id !== 1;
CREATE VIEW x AS SELECT same(id, 1) AS is_one, id::positive AS p FROM t;
"""
# What the owner's sessions do: dbt's models and tests, documentation, exports and whoever looks.
_OF_THE_OWNER = (
    "EXPLAIN SELECT * FROM pix.v",
    "SELECT * FROM pix.v",
    "SELECT * FROM pix.w",
    "SELECT * FROM pix.x",
    "SELECT count(*) FROM pix.x AS a JOIN pix.x AS b USING (p)",
    "CREATE TABLE enrichment.copied AS SELECT * FROM pix.t",
    "ANALYZE enrichment.copied",
    "CREATE INDEX ON enrichment.copied USING gist (r)",
    "SELECT count(*) FROM enrichment.copied WHERE r OPERATOR(pg_catalog.&&) '[1,5]'::pix.span",
    "SELECT count(*) FROM pix.t WHERE r OPERATOR(pg_catalog.<@) '[1,5]'::pix.span",
    "INSERT INTO enrichment.copied (p) VALUES (7)",
    "SELECT count(*), sum(hashtextextended(c::text, 0)) FROM enrichment.copied AS c",
)


def test_no_session_of_the_owners_runs_code_of_the_source(lab: Lab) -> None:
    """Attempt: functions that the server calls without asking for a right.

    The planner runs an operator's function to estimate how many rows a view has, and ANALYZE that
    of a range type, as the role that builds the models. Expected: none runs, whatever the owner
    does; what would call one is refused. Twin: rows, views for readers, and the server's own
    functions are there.
    """
    with lab.source() as source:
        source.execute(_CALLED_UNASKED)
    output = lab.night()
    assert "operators of the source: 2 have no estimators here" in output
    with lab.warehouse() as warehouse:
        warehouse.execute("CREATE SCHEMA enrichment")
        for statement in _OF_THE_OWNER:
            with suppress(psycopg.errors.InsufficientPrivilege):
                warehouse.execute(statement)
            ran = warehouse.execute("SELECT current_setting('evil.ran', true)")
            assert ran.fetchone() == (None,), statement
        assert warehouse.execute(
            "SELECT count(*) FROM enrichment.copied WHERE r IS NOT NULL"
        ).fetchone() == (300,)
        assert warehouse.execute(
            "SELECT rngsubdiff::text FROM pg_range WHERE rngtypid = 'pix.honest'::regtype"
        ).fetchone() == ("float8mi",)
    with lab.warehouse(READER) as analyst:
        assert analyst.execute("SELECT count(*) FROM pix.v").fetchone() == (100,)
        assert analyst.execute("SELECT count(*) FROM pix.w").fetchone() == (200,)
