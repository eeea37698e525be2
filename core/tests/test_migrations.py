"""The tables of `entrepot_ops`: made, upgraded, and never by two at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from entrepot_core.base.errors import Refused, RunFailed
from entrepot_core.warehouse import migrate
from entrepot_lab.postgres.warehouse import READER

Connect = Callable[..., psycopg.Connection]
OLD = (Path(__file__).parent / "data" / "entrepot_ops_0.1.0.sql").read_text()
NEWEST = len(migrate.migrations())
COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum), obj_description(c.oid)
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
LEFT JOIN pg_attrdef AS d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
WHERE c.relnamespace = 'entrepot_ops'::regnamespace AND NOT a.attisdropped ORDER BY 1, 2
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'entrepot_ops'::regnamespace ORDER BY 1, 2
"""
FUNCTIONS = """
SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'entrepot_ops'::regnamespace
ORDER BY 1
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'entrepot_ops' ORDER BY 1"


def described(session: psycopg.Connection) -> list[list[tuple]]:
    return [session.execute(q).fetchall() for q in (COLUMNS, CONSTRAINTS, FUNCTIONS)]


def rows(session: psycopg.Connection) -> dict[str, int]:
    names = [row[0] for row in session.execute(TABLES).fetchall()]
    return {
        name: session.execute(f"SELECT count(*) FROM entrepot_ops.{name}").fetchone()[0]
        for name in names
    }


def test_a_warehouse_of_the_first_release_becomes_like_a_new_one(
    server: object, warehouse: Connect
) -> None:
    session = warehouse()
    migrate.upgrade(session)
    new = described(session)
    session.execute("DROP SCHEMA entrepot_ops CASCADE")
    session.execute(OLD)
    before = rows(session)
    assert len(before) == 17, "all tables that the first release made"
    assert 0 not in before.values(), "each with rows"
    assert migrate.version(session) == 0
    migrate.upgrade(session)
    assert described(session) == new
    assert {name: count for name, count in rows(session).items() if name in before} == (
        before
    )


def test_who_only_reads_makes_nothing_and_upgrades_what_is_there(
    warehouse: Connect,
) -> None:
    session = warehouse()
    assert not migrate.upgrade_if_made(session)
    assert not migrate.is_made(session)
    session.execute(OLD)
    assert migrate.upgrade_if_made(session)
    assert migrate.version(session) == NEWEST


def test_a_second_time_changes_nothing_and_says_who_did_it(warehouse: Connect) -> None:
    session = warehouse()
    session.execute("SET application_name = 'entrepot pg-replica record'")
    query = "SELECT number, applied_at, who FROM entrepot_ops.schema_version ORDER BY 1"
    migrate.upgrade(session)
    first = session.execute(query).fetchall()
    assert [row[0] for row in first] == list(range(1, NEWEST + 1))
    assert {row[2] for row in first} == {"entrepot, entrepot pg-replica record"}
    migrate.upgrade(session)
    assert session.execute(query).fetchall() == first


@pytest.mark.parametrize("before", ["", OLD])
def test_many_at_once_make_the_tables_once(warehouse: Connect, before: str) -> None:
    sessions = [warehouse() for _ in range(6)]
    if before:
        sessions[0].execute(before)
    start = threading.Barrier(len(sessions))

    def upgrade(session: psycopg.Connection) -> None:
        start.wait()
        migrate.upgrade(session)

    with ThreadPoolExecutor(len(sessions)) as pool:
        list(pool.map(upgrade, sessions))
    query = "SELECT count(*), max(number) FROM entrepot_ops.schema_version"
    assert sessions[0].execute(query).fetchone() == (NEWEST, NEWEST)


def test_a_failure_leaves_the_version_before(
    warehouse: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = warehouse()
    migrate.upgrade(session)
    broken = migrate.Migration(
        NEWEST + 1, "broken", "CREATE TABLE entrepot_ops.half (); SELECT 1 / 0"
    )
    found = (*migrate.migrations(), broken)
    monkeypatch.setattr(migrate, "migrations", lambda: found)
    with pytest.raises(errors.DivisionByZero):
        migrate.upgrade(session)
    assert migrate.version(session) == NEWEST
    assert "half" not in rows(session)


def test_a_newer_warehouse_is_refused(warehouse: Connect) -> None:
    session = warehouse()
    migrate.upgrade(session)
    session.execute(
        "INSERT INTO entrepot_ops.schema_version (number, name, who) VALUES (999, 'x', 'y')"
    )
    with pytest.raises(Refused) as refusal:
        migrate.upgrade(session)
    assert "has version 999" in refusal.value.problems[0]
    assert "a newer release" in refusal.value.problems[0]


def test_who_may_not_is_told_what_is_missing(warehouse: Connect) -> None:
    warehouse().execute(OLD)
    with pytest.raises(RunFailed) as failure:
        migrate.upgrade(warehouse(READER))
    assert "permission denied" in str(failure.value)
    assert "TARGET_DATABASE_URL" in str(failure.value.hint)


def test_nobody_else_can_hold_the_lock_of_migrations(warehouse: Connect) -> None:
    session = warehouse()
    migrate.upgrade(session)
    # Even somebody whom the owner lets read everything.
    session.execute(f"GRANT USAGE ON SCHEMA entrepot_ops TO {READER}")
    session.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA entrepot_ops TO {READER}")
    other = warehouse(READER)
    with other.transaction(), pytest.raises(errors.InsufficientPrivilege):
        other.execute(
            "LOCK TABLE entrepot_ops.schema_version IN SHARE ROW EXCLUSIVE MODE"
        )


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["0001_a.sql", "0003_b.sql"], "0003_b.sql should have number 0002"),
        (["0001_a.sql", "0001_b.sql"], "0001_b.sql should have number 0002"),
        (["1_a.sql"], "1_a.sql should be named NNNN_name.sql"),
    ],
)
def test_files_with_wrong_numbers_are_refused(
    tmp_path: Path, names: list[str], problem: str
) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT;")
    with pytest.raises(ValueError, match=problem):
        migrate.read(tmp_path)
