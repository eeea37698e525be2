"""Schemas of earlier nights."""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from entrepot_core.warehouse.runs import Record
from pg_replica.settings import Settings
from pg_replica.warehouse import objects
from pg_replica.warehouse.objects import DatabaseObject

_PATIENCE = 10.0  # seconds for readers who are just finishing


def retired_schemas(
    connection: psycopg.Connection, replica: str, keep: int = 0
) -> list[str]:
    """List the schemas of earlier nights that are still there, other replicas' left out.

    Args:
        connection: A session on the warehouse, or on the partners' database, up to date.
        replica: The replica's schema.
        keep: How many of the newest nights are not listed.

    Returns:
        Their names, the oldest first.
    """
    rows = connection.execute(
        "SELECT r.schema_name, pg_catalog.dense_rank() OVER (ORDER BY r.run_id DESC)"
        " FROM entrepot_ops.retired_schemas AS r"
        " JOIN pg_catalog.pg_namespace AS n ON n.nspname = r.schema_name"
        " JOIN entrepot_ops.made_schemas AS m ON m.schema_oid = n.oid"
        " WHERE r.dropped_at IS NULL AND NOT EXISTS ("
        " SELECT FROM entrepot_ops.publications AS p JOIN entrepot_ops.runs AS o USING (run_id)"
        " WHERE o.run_id = r.run_id AND o.command = 'run' AND p.schemas[1] <> %s)"
        " ORDER BY r.retired_at, 1",
        [replica],
    ).fetchall()
    return [name for name, age in rows if age > keep]


def _may_go(lock: psycopg.Connection) -> Callable[[DatabaseObject], bool]:
    """Tell what a night made from what another role has made in the same schema."""
    rows = lock.execute(
        "SELECT rolname::text FROM pg_catalog.pg_roles"
        " WHERE pg_catalog.pg_has_role(oid, 'USAGE')"
    ).fetchall()
    ours = {"", *(row[0] for row in rows)}
    return lambda one: one.owner in ours


def drop_retired(
    lock: psycopg.Connection, record: Record, replica: str, keep: int = 0
) -> list[str]:
    """Drop the earlier nights of a database, other replicas' left out.

    Args:
        lock: The session that holds its lock.
        record: Its record.
        replica: The replica's schema.
        keep: How many of the newest nights stay.

    Returns:
        What had to stay, and why.
    """
    with record.step("drop"):
        schemas = retired_schemas(lock, replica, keep)
        held = objects.drop(lock, schemas, patience=_PATIENCE, is_ours=_may_go(lock))
        held += [
            f"{one}: role {one.owner} made it there: it belongs in another schema"
            for one in objects.list_objects(lock, schemas)
            if not _may_go(lock)(one)
        ]
        lock.execute(
            "UPDATE entrepot_ops.retired_schemas AS r SET dropped_at = now()"
            " WHERE dropped_at IS NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_namespace AS n"
            " JOIN entrepot_ops.made_schemas AS m ON m.schema_oid = n.oid"
            " WHERE n.nspname = r.schema_name)"
        )
    for sentence in held:
        record.finding("an earlier night", f"kept for now: {sentence}")
    return held


def drop_older(lock: psycopg.Connection, record: Record, settings: Settings) -> None:
    """Drop the nights that are older than those which may stay.

    Args:
        lock: The session that holds the warehouse's lock.
        record: The run's record.
        settings: With KEEP_PREVIOUS.
    """
    replica, keep = settings.replica_schema, settings.keep_previous
    if retired_schemas(lock, replica, keep):
        drop_retired(lock, record, replica, keep)
