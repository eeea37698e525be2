"""The verb `drop-previous`: earlier nights go once the transformations have passed."""

from __future__ import annotations

import psycopg
from entrepot_core.base.logs import event
from entrepot_core.postgres.connection import explained
from entrepot_core.warehouse.locks import warehouse_lock
from entrepot_core.warehouse.runs import Record

from pg_replica.preflight.checks import databases
from pg_replica.settings import Settings
from pg_replica.warehouse import objects

_PATIENCE = 10.0  # seconds for readers who are just finishing


def retired(settings: Settings) -> list[str]:
    """List the schemas of earlier nights.

    Args:
        settings: The variables.

    Returns:
        Their names, the oldest first.
    """
    _, warehouse = databases(settings)
    with explained("warehouse"), warehouse.connect(purpose="previous") as connection:
        return _retired(connection)


def _retired(connection: psycopg.Connection) -> list[str]:
    row = connection.execute(
        "SELECT to_regclass('entrepot_ops.retired_schemas')"
    ).fetchone()
    if row is None or row[0] is None:
        return []
    rows = connection.execute(
        "SELECT r.schema_name FROM entrepot_ops.retired_schemas AS r"
        " JOIN pg_catalog.pg_namespace AS n ON n.nspname = r.schema_name"
        " WHERE r.dropped_at IS NULL ORDER BY r.retired_at, 1"
    ).fetchall()
    return [row[0] for row in rows]


def drop_previous(settings: Settings) -> list[str]:
    """Drop the earlier nights, except what others still use.

    Args:
        settings: The variables.

    Returns:
        What had to stay, and why. It is tried again the next time.

    Raises:
        AnotherRun: If a run is under way.
    """
    _, warehouse = databases(settings)
    with warehouse_lock(warehouse) as lock:
        if not _retired(lock):
            event("there is no earlier night to drop")
            return []
        record = Record(warehouse, "drop-previous", "-")
        held = drop_retired(lock, record)
        record.close("succeeded")
        return held


def drop_retired(lock: psycopg.Connection, record: Record) -> list[str]:
    """Drop the earlier nights of a database.

    Args:
        lock: The session that holds its lock.
        record: Its record.

    Returns:
        What had to stay, and why.
    """
    with record.step("drop"):
        held = objects.drop(lock, _retired(lock), patience=_PATIENCE)
        lock.execute(
            "UPDATE entrepot_ops.retired_schemas AS r SET dropped_at = now()"
            " WHERE dropped_at IS NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_namespace AS n"
            " WHERE n.nspname = r.schema_name)"
        )
    for sentence in held:
        record.finding("an earlier night", f"kept for now: {sentence}")
    return held
