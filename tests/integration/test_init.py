"""`ops init`: from two URLs to a first night, on databases that the project has never seen."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from dotenv import dotenv_values

from entrepot_lab.meltano.ops import ops
from entrepot_lab.postgres.warehouse import NO_ROLES, OWNER, Lab

# Five schemas, names of any kind, and functions of the source's own in CHECK, index and view.
FIVE_SCHEMAS = """
CREATE SCHEMA sales; CREATE SCHEMA "Human Resources"; CREATE SCHEMA staging_area;
CREATE SCHEMA "été";
CREATE FUNCTION sales.is_fine(amount numeric) RETURNS boolean IMMUTABLE LANGUAGE sql
    RETURN amount >= 0;
CREATE TABLE sales.orders (id int PRIMARY KEY, amount numeric CHECK (sales.is_fine(amount)));
INSERT INTO sales.orders SELECT n, n FROM generate_series(1, 300) AS n;
CREATE MATERIALIZED VIEW sales.fine AS SELECT id, sales.is_fine(amount) FROM sales.orders;
CREATE TABLE "Human Resources"."Job % Titles" ("id" int, "a ""b"" {{ c }}" text, "select" int);
INSERT INTO "Human Resources"."Job % Titles" VALUES (1, 'x', 2);
COMMENT ON TABLE "Human Resources"."Job % Titles" IS '{{ not jinja }} $HOME ''quoted''';
CREATE TABLE "été"."it's" ("new
line" int);
CREATE TABLE staging_area.empty ();
CREATE TABLE main (id int PRIMARY KEY, "order" int REFERENCES sales.orders);
"""
SCHEMAS = ("public", "sales", "Human Resources", "staging_area", "été")


@pytest.fixture
def place(empty_lab: Lab, tmp_path: Path) -> Iterator[Lab]:
    """A project's folder with no `.env`, and two empty databases."""
    root = tmp_path / "project with space"
    (root / "extract").mkdir(parents=True)
    (root / "extract" / "tables.yml").write_text("tables: {}\n")
    decided = ("SOURCE_DATABASE_URL", "TARGET_DATABASE_URL", "TABLES_FILE", *NO_ROLES)
    empty_lab.env = {k: v for k, v in empty_lab.env.items() if k not in decided}
    empty_lab.env["MELTANO_PROJECT_ROOT"] = str(root)
    yield empty_lab
    with empty_lab.warehouse_server.admin() as admin:
        empty_lab.warehouse_server.drop_database(f"{empty_lab.name}_new")
        made = f"^{OWNER}(_[0-9]+(_build|_replica)?|_(build|replica)_[0-9]+)$"
        query = "SELECT quote_ident(rolname) FROM pg_roles WHERE rolname ~ %s"
        empty_lab.warehouse_server.drop_database(f"{empty_lab.name}_warehouse")
        for (role,) in admin.execute(query, [made]).fetchall():
            admin.execute(f"DROP ROLE {role}")


def init(place: Lab, *arguments: str) -> tuple[int, str]:
    return ops(place, "init", "--yes", *arguments)


def env_file(place: Lab) -> Path:
    return Path(place.env["MELTANO_PROJECT_ROOT"], ".env")


def decided(place: Lab) -> dict[str, str]:
    return {name: value or "" for name, value in dotenv_values(env_file(place)).items()}


def test_an_administrators_url_is_all_that_a_warehouse_needs(place: Lab) -> None:
    """Of a database that is not even there: roles, rights and files, then a night that is equal."""
    with place.source() as source:
        source.execute(FIVE_SCHEMAS)
    server = place.warehouse_server
    administrator = server.url(f"{place.name}_new", "postgres", server.password)
    urls = ("--source", place.source_url(), "--target", administrator)
    status, output = init(place, *urls)
    assert status == 0, output
    assert server.password not in output
    for said in ("5 tables in", "made just now", "Nothing stands in the way"):
        assert said in output
    values, written = decided(place), env_file(place).read_bytes()
    assert stat.S_IMODE(env_file(place).stat().st_mode) == 0o600
    assert values["DOMAINS"] == ""
    assert values["REPLICA_SCHEMA"] == f"{place.name}_source"
    for name in ("PSEUDONYM_SECRET", "BUILD_ROLE_PASSWORD", "REPLICA_ROLE_PASSWORD"):
        assert values[name] not in output
    assert "postgres:" not in values["TARGET_DATABASE_URL"], (
        "an ordinary role runs nights"
    )
    policy = env_file(place).parent / "local" / "tables.yml"
    policy.write_text("tables: {main: {mode: none}}\n")  # what somebody then decides

    status, output = init(place, *urls)
    assert status == 0, output
    assert "all of it was decided" in output
    assert env_file(place).read_bytes() == written
    assert policy.read_text() == "tables: {main: {mode: none}}\n"
    policy.unlink()

    status, output = place.run("run", **values)
    assert status == 0, output
    replica = values["REPLICA_SCHEMA"]
    with (
        place.source() as source,
        psycopg.connect(values["TARGET_DATABASE_URL"]) as made,
    ):
        for schema in SCHEMAS:
            live = replica if schema == "public" else f"{replica}_{schema}"
            assert place.content(made, live) == place.content(source, schema)


def test_without_an_administrator_the_sql_is_ready_to_paste(place: Lab) -> None:
    """An owner's URL: a night of no table works at once, the two roles when the SQL has run."""
    urls = ("--source", place.source_url(), "--target", place.warehouse_url())
    status, output = init(place, *urls)
    assert status == 0, output
    assert "no table yet" in output
    values = decided(place)
    assert "BUILD_ROLE" not in values, "it is of no use yet"
    status, night = place.run("run", **values)
    assert status == 0, night

    statements = re.findall(
        r"^(?:CREATE|GRANT|ALTER|REVOKE) .*;$", output, re.MULTILINE
    )
    assert any("SCRAM-SHA-256$" in each for each in statements), output
    with place.warehouse_server.admin(f"{place.name}_warehouse") as admin:
        for statement in statements:
            admin.execute(statement.encode())
    status, output = init(place)
    assert status == 0, output
    assert "An administrator" not in output
    now = decided(place)
    assert {name: now[name] for name in values} == values
    assert now.keys() - values.keys() == NO_ROLES.keys()
    status, output = place.run("run", **now)
    assert status == 0, output


@pytest.mark.parametrize("is_asked_for", [True, False])
def test_what_is_wrong_with_either_url_is_said_at_once(
    place: Lab, is_asked_for: bool
) -> None:
    if is_asked_for:
        there = place.source_url()
        wrong = there.replace("/app:", "/nobody:"), f"{place.warehouse_url()}_missing"
        expected = ["cannot connect to the source", "cannot connect to the warehouse"]
    else:
        wrong = "", "mysql://somewhere"
        expected = [
            "SOURCE_DATABASE_URL is missing: give --source",
            "--target is not a",
        ]
    status, output = init(place, "--source", wrong[0], "--target", wrong[1])
    assert status == 2
    for said in expected:
        assert said in output, output
    assert not env_file(place).exists()


def test_the_source_is_no_warehouse(place: Lab) -> None:
    status, output = init(
        place, "--source", place.source_url(), "--target", place.source_url()
    )
    assert status == 2
    assert "must be another one" in output
