"""Which ranges of an append table have changed, for whoever keeps something derived from it.

Rows arrive, are read again or are repaired by ranges of the replication key, and each such range is
noted in the transaction that changes it. What is derived from a table then follows by looking at
these ranges alone, late rows, changes and deletions included.
"""

from __future__ import annotations

import psycopg

from entrepot_core.postgres.identifiers import TableName

CREATE = """
CREATE SCHEMA IF NOT EXISTS entrepot_ops;
CREATE TABLE IF NOT EXISTS entrepot_ops.changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_schema text NOT NULL,
    table_name text NOT NULL,
    low text,
    high text,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS changes_table_idx
ON entrepot_ops.changes (table_schema, table_name, change_id);
COMMENT ON TABLE entrepot_ops.changes IS
'Ranges of the replication key in which an append table''s rows were added, replaced or removed';
COMMENT ON COLUMN entrepot_ops.changes.low IS 'Above this key; null for the first row on';
COMMENT ON COLUMN entrepot_ops.changes.high IS 'Up to this key, included; null for the last row';
"""


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
