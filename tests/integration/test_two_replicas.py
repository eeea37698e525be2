"""Two replicas in one warehouse: each has its nights, and leaves the other's alone."""

from __future__ import annotations

import pytest

from entrepot_core.base.part import part
from entrepot_core.postgres.connection import Database
from entrepot_core.warehouse import locks
from entrepot_lab.postgres.warehouse import Lab


def _schemas(lab: Lab) -> list[str]:
    with lab.warehouse() as warehouse:
        rows = warehouse.execute(
            "SELECT nspname::text FROM pg_namespace WHERE nspname ~ '^(pix|second)' ORDER BY 1"
        ).fetchall()
    return [row[0] for row in rows]


def test_each_replica_keeps_its_nights(empty_lab: Lab) -> None:
    """A second replica takes nothing from the first, and is not compared with its rows."""
    with empty_lab.source() as source:
        source.execute("CREATE SCHEMA audit")
        source.execute("CREATE TABLE audit.log AS SELECT 1 AS id")
        source.execute(
            "CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 500) g"
        )
    empty_lab.night()
    with empty_lab.source() as source:
        source.execute("TRUNCATE t")
        source.execute("INSERT INTO t VALUES (1)")
    empty_lab.night(REPLICA_SCHEMA="second")
    assert _schemas(empty_lab) == ["pix", "pix_audit", "second", "second_audit"]
    with empty_lab.warehouse() as warehouse:
        warehouse.execute("CREATE SCHEMA analysts")
        warehouse.execute(
            "CREATE VIEW analysts.both AS"
            " SELECT (SELECT count(*) FROM pix.t) AS a, (SELECT count(*) FROM second.t) AS b"
        )
    with empty_lab.source() as source:
        source.execute("INSERT INTO t VALUES (2)")
    empty_lab.night(REPLICA_SCHEMA="second")
    status, output = empty_lab.run("run", "--accept-shrink")
    assert status == 0, output
    retired = ["pix_audit_previous", "pix_previous"]
    assert set(retired) < set(_schemas(empty_lab))
    status, output = empty_lab.run("drop-previous", REPLICA_SCHEMA="second")
    assert status == 0, output
    live = ["pix", "pix_audit", "second", "second_audit"]
    assert _schemas(empty_lab) == sorted([*live, *retired])
    assert empty_lab.run("drop-previous")[0] == 0
    assert _schemas(empty_lab) == live
    with empty_lab.warehouse() as warehouse:
        assert warehouse.execute("SELECT * FROM analysts.both").fetchone() == (2, 2)

    # Names that the two would have to share.
    for name, schema in (("pix_audit", "pix_audit"), ("pix_previous", "pix_previous")):
        status, output = empty_lab.run("check", REPLICA_SCHEMA=name)
        assert status == 2, output
        assert f"schema '{schema}' of the warehouse belongs to the replica 'pix'" in (
            " ".join(output.split())
        )
    with empty_lab.source() as source:
        source.execute("CREATE SCHEMA second")
        source.execute("CREATE TABLE second.s AS SELECT 1 AS id")
    status, output = empty_lab.run("run")
    assert status == 2, output
    assert _schemas(empty_lab) == live


def test_replicas_take_turns(empty_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run waits for that of another replica, and for none of its own."""
    monkeypatch.setattr(part, "name", "pg-replica")
    warehouse = Database("warehouse", empty_lab.warehouse_url())
    empty_lab.night()
    with locks.warehouse_lock(warehouse, locks.Turn("second", 0)):
        assert empty_lab.run("run", TURN_WAIT="0")[0] == 3
        assert empty_lab.run("run", REPLICA_SCHEMA="second")[0] == 3
        waiting = empty_lab.start("drop-previous")
        assert waiting.stdout is not None
        assert "waiting for a run of another replica" in waiting.stdout.readline()
        assert waiting.poll() is None
    assert empty_lab.finish(waiting)[0] == 0


def test_earlier_nights_do_not_pile_up(empty_lab: Lab) -> None:
    """A week in which nothing drops the previous night keeps one, and more only on demand."""
    lab = empty_lab
    with lab.source() as source:
        source.execute("CREATE TABLE t AS SELECT 1 AS id")
    for _ in range(3):
        lab.night()
    assert _schemas(lab) == ["pix", "pix_previous"]
    assert "earlier nights take 0.00 GB (pix_previous)" in lab.run("check")[1]
    lab.night(KEEP_PREVIOUS="2")
    assert len(_schemas(lab)) == 3
    lab.night(KEEP_PREVIOUS="0")
    assert _schemas(lab) == ["pix"]
