"""One load of a table at a time: a lock by table, freed with its session."""

from __future__ import annotations

import psycopg

from entrepot_core.postgres.identifiers import TableName
from entrepot_core.warehouse import locks
from entrepot_target_postgres.errors import AnotherLoad


def _name(table: TableName) -> str:
    return f"load {table.sql}"


def is_free(session: psycopg.Connection, table: TableName) -> bool:
    """Take a table's lock if nobody has it.

    Args:
        session: The session that will hold it.
        table: The table.

    Returns:
        Whether it is ours now.
    """
    return locks.take(session, _name(table)) is None


def release(session: psycopg.Connection, table: TableName) -> None:
    """Give a table's lock back.

    Args:
        session: The session that holds it.
        table: The table.
    """
    locks.release(session, _name(table))


def take(session: psycopg.Connection, table: TableName) -> None:
    """Take a table's lock.

    Args:
        session: The session that will hold it.
        table: The table.

    Raises:
        AnotherLoad: If another load has it; it tells who.
    """
    if holder := locks.take(session, _name(table)):
        raise AnotherLoad(
            f"another load of table {table} is under way in this warehouse ({holder}): wait for "
            "its end"
        )
