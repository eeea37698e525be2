"""Waiting for a moment of a night, and what must hold after any of them."""

from __future__ import annotations

import subprocess
import time

import psycopg

from entrepot_lab.postgres.warehouse import Lab

SCHEMAS = {"public": "pix", "pgboss": "pix_pgboss", "audit": "pix_audit"}


def settle(lab: Lab, *options: str) -> None:
    """Do what every scenario ends with: the next run succeeds, and leaves nothing behind."""
    status, output = lab.run("run", *options)
    assert status == 0, output
    lab.assert_replicated(SCHEMAS)
    status, output = lab.run("drop-previous")
    assert status == 0, output
    lab.assert_clean()


def wait_for_step(lab: Lab, step: str, seconds: float = 30) -> None:
    """Wait until a run says that it is in a step."""
    deadline = time.monotonic() + seconds
    with lab.warehouse() as warehouse:
        while time.monotonic() < deadline:
            row = warehouse.execute(
                "SELECT step FROM entrepot_ops.runs WHERE status = 'running'"
            ).fetchone()
            if row == (step,):
                return
            time.sleep(0.01)
    raise AssertionError(f"no run reached step {step}")


def readers_of(connection: psycopg.Connection, table: str) -> list[int]:
    """Find the source's processes that copy a table for us, and have its lock."""
    rows = connection.execute(
        "SELECT l.pid FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid"
        " WHERE l.relation = %s::regclass AND l.granted AND a.state = 'active'"
        " AND a.query LIKE 'COPY%%' AND a.application_name LIKE 'entrepot pg-replica work%%'",
        [f'"{table}"'],
    )
    return [row[0] for row in rows]


def wait_for_copy(
    process: subprocess.Popen[str], connection: psycopg.Connection, table: str
) -> int:
    """Wait until a run copies a table; return the source's process that reads it."""
    while not (found := readers_of(connection, table)):
        assert process.poll() is None, "the run has ended before"
        time.sleep(0.005)
    return found[0]
