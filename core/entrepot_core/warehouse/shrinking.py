"""How many rows a table may lose from one night to the next, unless that is meant."""

from __future__ import annotations

import psycopg

from entrepot_core.postgres.identifiers import TableName

SMALLEST = 100  # rows: below, a table may come and go as it likes
NO_LIMIT = 100.0  # percent that may be lost
WAY_OUT = (
    "if it is meant, let this run through with ACCEPT_SHRINK=true (`ops nightly --accept-shrink`); "
    "else look at where the rows come from"
)


def lost(before: int, after: int) -> float:
    """Say how much of a table goes.

    Args:
        before: Its rows, at least one.
        after: Those that would take their place.

    Returns:
        Percent.
    """
    return 100 * (before - after) / before


def is_too_much(before: int, after: int, limit: float) -> bool:
    """Say whether a table would lose more than it may.

    Args:
        before: Its rows.
        after: Those that would take their place.
        limit: Percent that may be lost.

    Returns:
        Whether it would; never for a small table.
    """
    return before >= SMALLEST and lost(before, after) > limit


def rows_of(connection: psycopg.Connection, table: TableName) -> int:
    """Count a table's rows.

    Args:
        connection: A session that may read it.
        table: The table.

    Returns:
        Its rows; 0 where it is not there.
    """
    row = connection.execute(
        "SELECT relkind IN ('r', 'p') FROM pg_catalog.pg_class WHERE oid = to_regclass(%s)",
        [table.sql],
    ).fetchone()
    if row != (True,):
        return 0
    counted = connection.execute(f"SELECT pg_catalog.count(*) FROM {table.sql}")
    found = counted.fetchone()
    return int(found[0]) if found else 0
