"""Which ranges of an append table have changed, for whoever keeps something derived from it.

Rows arrive, are read again or are repaired by ranges of the replication key, and each such range is
noted in the transaction that changes it. What is derived from a table then follows by looking at
these ranges alone, late rows, changes and deletions included.
"""

from __future__ import annotations

import psycopg

from entrepot_core.postgres.identifiers import TableName


def note(
    session: psycopg.Connection, table: TableName, low: str | None, high: str | None
) -> None:
    """Note a range, in the transaction that changes it.

    Args:
        session: A session on the warehouse; loads and repairs of a table exclude each other, so
            that numbers rise in the order in which changes become visible.
        table: The append table.
        low: Above this key, as text; None for the first row on.
        high: Up to this key, included; None for the last row.
    """
    session.execute(
        "INSERT INTO entrepot_ops.changes (table_schema, table_name, low, high)"
        " VALUES (%s, %s, %s, %s)",
        [table.schema, table.name, low, high],
    )
