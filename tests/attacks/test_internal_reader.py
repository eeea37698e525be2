"""Actor: an analyst. May read the replica, and has a schema of their own in the warehouse."""

from __future__ import annotations

import psycopg
import pytest

from entrepot_lab.meltano.singer import Pipe
from entrepot_lab.postgres.warehouse import OWNER, READER, Lab

_DEFINER = """
CREATE TABLE accounts (id int PRIMARY KEY, balance int);
INSERT INTO accounts VALUES (1, 100);
CREATE FUNCTION run_maintenance(command text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
AS $$ BEGIN EXECUTE command; END $$;
REVOKE EXECUTE ON FUNCTION run_maintenance(text) FROM PUBLIC;
CREATE PROCEDURE "tidy (up)"() LANGUAGE sql SECURITY DEFINER AS 'DELETE FROM public.accounts';
"""
_VIEWS = """
CREATE TABLE pages (id int PRIMARY KEY, title text);
INSERT INTO pages VALUES (1, 'First'), (2, 'Second');
CREATE FUNCTION plain(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(t)';
CREATE FUNCTION slug(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE
AS $$ BEGIN RETURN pix.plain(t) || '-'; EXCEPTION WHEN undefined_table OR invalid_schema_name
THEN RETURN public.plain(t); END $$;
CREATE FUNCTION glued(state text, next text) RETURNS text LANGUAGE sql AS 'SELECT state || next';
CREATE AGGREGATE glue(text) (SFUNC = glued, STYPE = text, INITCOND = '');
CREATE FUNCTION not_needed() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE VIEW slugs AS SELECT slug(title) AS slug FROM pages;
CREATE VIEW glued_titles AS SELECT glue(title ORDER BY id) AS titles FROM pages;
"""


def test_no_function_of_the_source_gives_rights(lab: Lab) -> None:
    """Attempt: call a SECURITY DEFINER function that the source had closed to PUBLIC.

    Expected: refused, even where default privileges of the warehouse give EXECUTE to everybody;
    the night, `check` and the record name the function.
    """
    with lab.source() as source:
        source.execute(_DEFINER)
    with lab.warehouse() as warehouse:
        warehouse.execute("ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO PUBLIC")
        warehouse.execute("ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO PUBLIC")
    assert "run_maintenance" in lab.run("check")[1]
    output = lab.night()
    assert "run_maintenance(text): SECURITY DEFINER on the source" in output
    with lab.warehouse("internal_reader") as analyst:
        for call in (
            "SELECT pix.run_maintenance('DROP SCHEMA entrepot_ops CASCADE')",
            'CALL pix."tidy (up)"()',
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                analyst.execute(call)
        assert analyst.execute("SELECT balance FROM pix.accounts").fetchone() == (100,)
    with lab.warehouse() as warehouse:
        assert warehouse.execute(
            "SELECT count(*) FROM pg_proc WHERE pronamespace = 'pix'::regnamespace AND prosecdef"
        ).fetchone() == (0,)
    assert "tidy (up)" in lab.run("status")[1]


def test_views_still_call_what_they_need(lab: Lab) -> None:
    """Twin of the above: views that call functions, aggregates, and functions in functions.

    Expected: analysts read them; what no view needs stays closed.
    """
    with lab.source() as source:
        source.execute(_VIEWS)
    lab.night(TRUST_SOURCE_CODE="true")
    with lab.warehouse("internal_reader") as analyst:
        slugs = analyst.execute("SELECT slug FROM pix.slugs ORDER BY 1").fetchall()
        assert slugs == [("first-",), ("second-",)]
        titles = analyst.execute("SELECT titles FROM pix.glued_titles").fetchone()
        assert titles == ("FirstSecond",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            analyst.execute("SELECT pix.not_needed()")
    with lab.warehouse(OWNER) as warehouse:
        found = warehouse.execute(
            "SELECT finding FROM entrepot_ops.findings WHERE subject = 'functions of the source'"
        ).fetchone()
        assert found is not None
        assert "pix.slug(text)" in found[0]


def test_an_extension_in_the_landing_can_still_be_used(lab: Lab) -> None:
    """Twin of `test_nothing_of_the_landing_is_open`: analysts call what extensions offer."""
    with lab.source() as source:
        source.execute("CREATE EXTENSION citext; CREATE TABLE mails (m citext)")
        source.execute("INSERT INTO mails VALUES ('A@b')")
    lab.night()
    with lab.warehouse("internal_reader") as analyst:
        found = analyst.execute(
            "SELECT count(*) FROM pix.mails WHERE m OPERATOR(public.=) 'a@B'::public.citext"
        ).fetchone()
        assert found == (1,)


_TABLES = """
CREATE TABLE ev (id bigint PRIMARY KEY, code text UNIQUE, v int);
INSERT INTO ev SELECT n, 'c' || n, n FROM generate_series(1, 300) AS n;
CREATE TABLE members (id int PRIMARY KEY, name text);
INSERT INTO members VALUES (1, 'one');
CREATE TABLE memberships (a int, b int REFERENCES members, PRIMARY KEY (a, b));
"""
_OWN_SCHEMA = f"CREATE SCHEMA desk; GRANT USAGE, CREATE ON SCHEMA desk TO {READER}"
_ACTIONS = ("NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT")
_KEYS = """
SELECT table_name, constraint_type FROM information_schema.table_constraints
WHERE table_schema ~ '^pix' AND constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY')
ORDER BY 1, 2
"""
# On servers before PostgreSQL 18 a deferred trigger runs as the role that commits.
_TRIGGER = """
CREATE TABLE desk.seen (who text);
GRANT ALL ON desk.seen TO PUBLIC;
CREATE FUNCTION desk.seize() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN INSERT INTO desk.seen VALUES (current_user); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER seize AFTER DELETE ON desk.k2 DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION desk.seize();
"""


def test_no_table_can_be_referenced(lab: Lab) -> None:
    """Attempt: a foreign key of an analyst's own table on a table of the warehouse.

    Expected: refused on the replica and on append tables, whatever its columns. Twin: tools still
    see primary and foreign keys in information_schema.
    """
    pipe = _with_append_table(lab)
    with lab.warehouse() as warehouse:
        warehouse.execute(_OWN_SCHEMA)
        # As an earlier release gave it, and as default privileges may.
        warehouse.execute(f"GRANT REFERENCES ON pix_incremental.ev TO {READER}")
        warehouse.execute(f"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {READER}")
    lab.night()
    pipe.load()
    with lab.warehouse(READER) as analyst:
        for columns, table in (
            ("x int REFERENCES", "pix.members (id)"),
            ("x bigint REFERENCES", "pix_incremental.ev (id)"),
            ("x text REFERENCES", "pix_incremental.ev (code)"),
            ("x int, y int, FOREIGN KEY (x, y) REFERENCES", "pix.memberships (a, b)"),
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                analyst.execute(f"CREATE TABLE desk.mine ({columns} {table})")
        assert analyst.execute(_KEYS).fetchall() == [
            ("ev", "PRIMARY KEY"),
            ("members", "PRIMARY KEY"),
            ("memberships", "FOREIGN KEY"),
            ("memberships", "PRIMARY KEY"),
        ]


def test_keys_of_analysts_stop_no_load(lab: Lab) -> None:
    """Attempt: foreign keys with every action, made with rights that somebody else has given.

    Expected: loads and the audit go on, and nothing of the analyst's is changed or run; what the
    source has deleted stays while it is referenced, and is named. Twin: the key gone, it goes.
    """
    pipe = _with_append_table(lab)
    with lab.warehouse() as warehouse:
        warehouse.execute(_OWN_SCHEMA)
        warehouse.execute(
            f"GRANT REFERENCES (id, code) ON pix_incremental.ev TO {READER}"
        )
    with lab.warehouse(READER) as analyst:
        for number, action in enumerate(_ACTIONS):
            analyst.execute(
                f"CREATE TABLE desk.k{number} (x bigint DEFAULT 299"
                f" REFERENCES pix_incremental.ev ON DELETE {action})"
            )
            analyst.execute(f"INSERT INTO desk.k{number} VALUES (295), (10)")
        analyst.execute(
            "CREATE TABLE desk.codes (c text REFERENCES pix_incremental.ev (code))"
        )
        analyst.execute("INSERT INTO desk.codes VALUES ('c297')")
        analyst.execute(_TRIGGER)
    with lab.source() as source:
        source.execute("UPDATE ev SET v = -1 WHERE id IN (11, 296)")
        source.execute("UPDATE ev SET code = 'other', v = -2 WHERE id = 297")
        source.execute("DELETE FROM ev WHERE id IN (10, 295)")
        source.execute(
            "INSERT INTO ev SELECT n, 'c' || n FROM generate_series(301, 400) AS n"
        )
    pipe.load()
    status, output = lab.run("audit", "--all")
    assert status == 4, output
    with lab.warehouse() as warehouse:
        assert warehouse.execute(
            "SELECT count(*), count(*) FILTER (WHERE v = -1),"
            " count(*) FILTER (WHERE id IN (10, 295)), min(code) FILTER (WHERE id = 297)"
            " FROM pix_incremental.ev"
        ).fetchone() == (400, 2, 2, "c297")
        found = warehouse.execute(
            "SELECT finding FROM entrepot_ops.findings WHERE finding ~ 'foreign key'"
        ).fetchone()
        assert found is not None
        assert "foreign key k0_x_fkey of desk.k0" in found[0]
    assert "foreign key k0_x_fkey of desk.k0" in pipe.log
    with lab.warehouse(READER) as analyst:
        for number in range(len(_ACTIONS)):
            rows = analyst.execute(
                f"SELECT x FROM desk.k{number} ORDER BY 1"
            ).fetchall()
            assert rows == [(10,), (295,)]
        assert analyst.execute("SELECT who FROM desk.seen").fetchall() == []
        analyst.execute("DROP TABLE desk.codes")
        for number in range(2, len(_ACTIONS)):
            analyst.execute(f"DROP TABLE desk.k{number}")
        analyst.execute("DELETE FROM desk.k0; DELETE FROM desk.k1 WHERE x = 10")
    assert lab.run("audit", "--all")[0] == 4
    pipe.load()
    with lab.warehouse() as warehouse:
        assert warehouse.execute(
            "SELECT count(*) FILTER (WHERE id = 10), count(*) FILTER (WHERE id = 295),"
            " min(code) FILTER (WHERE id = 297) FROM pix_incremental.ev"
        ).fetchone() == (0, 1, "other")


def _with_append_table(lab: Lab) -> Pipe:
    lab.policy("tables:\n  ev: {mode: incremental, lookback: 20}\n")
    with lab.source() as source:
        source.execute(_TABLES)
    pipe = Pipe(lab, {"batch_rows": 500})
    pipe.load()
    return pipe
