"""Citus, which makes a warehouse of several machines: where it is, and what it is told.

A session's statements that change definitions stay on the coordinator, so that a night whose
tables are all local needs no other node; only what concerns a distributed table is sent to the
nodes. https://docs.citusdata.com/en/stable/develop/api_guc.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakSet

import psycopg
from psycopg import pq

from entrepot_core.postgres.identifiers import TableName

_PROPAGATION = "citus.enable_ddl_propagation"
# Made in every session whose server has loaded the library; elsewhere nothing is asked or set.
SETTINGS = {
    _PROPAGATION: "off",
    # A key that lacks the distribution column holds within each shard.
    "citus.allow_unsafe_constraints": "on",
    # A foreign key to a reference table would make a Citus table of each table it can reach.
    "citus.enable_local_reference_table_foreign_keys": "off",
}
_METADATA = "SELECT pg_catalog.to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL"

_sessions: WeakSet[psycopg.Connection] = WeakSet()


def note(session: psycopg.Connection, settings: list[str]) -> None:
    """Remember whether a session's server has loaded the library.

    Args:
        session: The session.
        settings: The settings that its server knows.
    """
    if _PROPAGATION in settings:
        _sessions.add(session)


def is_there(session: psycopg.Connection) -> bool:
    """Say whether the database has the extension; nothing is asked where the library is not."""
    if session not in _sessions:
        return False
    row = session.execute(_METADATA).fetchone()
    return row == (True,)


def is_distributed(session: psycopg.Connection, table: TableName) -> bool:
    """Say whether a table is one of Citus, by whomever it was made so.

    Args:
        session: A session of ours.
        table: The table; it need not exist.

    Returns:
        Whether other nodes know it.
    """
    if not is_there(session):
        return False
    row = session.execute(
        "SELECT FROM pg_catalog.pg_dist_partition WHERE logicalrelid = to_regclass(%s)",
        [table.sql],
    ).fetchone()
    return row is not None


def distribute(session: psycopg.Connection, table: TableName, column: str) -> None:
    """Distribute an empty table; its schema and types are made on the other nodes.

    Args:
        session: A session of ours on the coordinator.
        table: The table.
        column: The distribution column. Tables whose columns are of one type lie together.
    """
    with propagated(session):
        session.execute(
            "SELECT pg_catalog.create_distributed_table(to_regclass(%s), %s)",
            [table.sql, column],
        )


@contextmanager
def propagated(session: psycopg.Connection, *, applies: bool = True) -> Iterator[None]:
    """Send the statements inside to all nodes.

    Args:
        session: A session of ours.
        applies: False for tables that are local: nothing happens.
    """
    if not applies:
        yield
        return
    session.execute(f"SET {_PROPAGATION} = on")
    try:
        yield
    finally:
        # The end of a transaction that failed takes the setting back by itself.
        if session.info.transaction_status in _CAN_SET:
            session.execute(f"SET {_PROPAGATION} = off")


_CAN_SET = (pq.TransactionStatus.IDLE, pq.TransactionStatus.INTRANS)
