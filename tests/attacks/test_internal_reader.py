"""Actor: an analyst. May read the replica, and has a schema of their own in the warehouse."""

from __future__ import annotations

import psycopg
import pytest

from entrepot_lab.postgres.warehouse import OWNER, Lab

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
