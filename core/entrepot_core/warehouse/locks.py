"""One run at a time: an advisory lock in the warehouse, freed with its session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from entrepot_core.base.errors import AnotherRun
from entrepot_core.postgres.connection import APPLICATION, Database, explained

KEY = int.from_bytes(b"entrepot", "big")
# Held by whoever writes to append tables: the target, and the audit.
APPEND_KEY = int.from_bytes(b"entr-inc", "big")


@contextmanager
def warehouse_lock(warehouse: Database) -> Iterator[psycopg.Connection]:
    """Hold the lock for the time of a command.

    Args:
        warehouse: The database that only one run may change.

    Yields:
        The session that holds the lock: what must not happen without it is done in it.

    Raises:
        AnotherRun: If a run holds the lock; the message says who, where and since when.
        TransientFailure: If the warehouse is lost.
    """
    label = warehouse.label
    with explained(label), warehouse.connect(purpose="lock") as connection:
        if not _try(connection):
            raise AnotherRun(_who_holds(connection, label))
        yield connection


def end_orphans(connection: psycopg.Connection) -> int:
    """End the sessions that a dead run left working.

    Args:
        connection: The session that holds the lock, so that no other run is alive.

    Returns:
        How many there were.
    """
    query = (
        "SELECT pg_catalog.count(pg_catalog.pg_terminate_backend(pid))"
        " FROM pg_catalog.pg_stat_activity"
        " WHERE datname = pg_catalog.current_database() AND usename = current_user"
        " AND application_name LIKE %s AND pid <> pg_catalog.pg_backend_pid()"
        " AND application_name NOT LIKE %s"
    )
    row = connection.execute(
        query, [f"{APPLICATION} work%", f"{APPLICATION} lock%"]
    ).fetchone()
    return row[0] if row else 0


def _try(connection: psycopg.Connection) -> bool:
    row = connection.execute(
        "SELECT pg_catalog.pg_try_advisory_lock(%s)", [KEY]
    ).fetchone()
    return bool(row and row[0])


def _who_holds(connection: psycopg.Connection, label: str) -> str:
    """Describe the run that holds the lock."""
    row = None
    if connection.execute("SELECT to_regclass('entrepot_ops.runs')").fetchone() != (
        None,
    ):
        row = connection.execute(
            "SELECT run_id, command, host, pid, started_at, step FROM entrepot_ops.runs"
            " WHERE status = 'running' ORDER BY run_id DESC LIMIT 1"
        ).fetchone()
    if row is None:
        return f"another run holds the {label}'s lock; it has just started"
    run, command, host, pid, started, step = row
    return (
        f"another run holds the {label}'s lock: run {run} ({command}) on {host}, process {pid}, "
        f"since {started:%Y-%m-%d %H:%M:%S %Z}, now in step {step}"
    )
