"""Schemas of earlier nights."""

from __future__ import annotations

import psycopg

from entrepot_core.warehouse.runs import Record
from pg_replica.warehouse import objects

_PATIENCE = 10.0  # seconds for readers who are just finishing


def retired_schemas(connection: psycopg.Connection) -> list[str]:
    """List the schemas of earlier nights that are still there.

    Args:
        connection: A session on the warehouse, or on the partners' database, up to date.

    Returns:
        Their names, the oldest first.
    """
    rows = connection.execute(
        "SELECT r.schema_name FROM entrepot_ops.retired_schemas AS r"
        " JOIN pg_catalog.pg_namespace AS n ON n.nspname = r.schema_name"
        " WHERE r.dropped_at IS NULL ORDER BY r.retired_at, 1"
    ).fetchall()
    return [row[0] for row in rows]


def drop_retired(lock: psycopg.Connection, record: Record) -> list[str]:
    """Drop the earlier nights of a database.

    Args:
        lock: The session that holds its lock.
        record: Its record.

    Returns:
        What had to stay, and why.
    """
    with record.step("drop"):
        held = objects.drop(lock, retired_schemas(lock), patience=_PATIENCE)
        lock.execute(
            "UPDATE entrepot_ops.retired_schemas AS r SET dropped_at = now()"
            " WHERE dropped_at IS NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_namespace AS n"
            " WHERE n.nspname = r.schema_name)"
        )
    for sentence in held:
        record.finding("an earlier night", f"kept for now: {sentence}")
    return held
