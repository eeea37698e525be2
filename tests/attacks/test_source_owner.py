"""Actor: a developer of the source. May make any object in the source's database."""

from __future__ import annotations

import os
import signal
import time

from entrepot_lab.postgres.warehouse import Lab

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
