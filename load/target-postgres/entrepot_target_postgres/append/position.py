"""How far each append table is loaded: its row in `entrepot_ops.positions`."""

from __future__ import annotations

import psycopg
from psycopg.types.json import Jsonb

from entrepot_core.singer.batch import KeyRange
from entrepot_target_postgres.append.definition import Definition

_POSITION = """
INSERT INTO entrepot_ops.positions AS p (stream, source_schema, table_schema, table_name,
    replication_key, high, settled, row_count, columns)
VALUES (%(stream)s, %(source)s, %(schema)s, %(table)s, %(key)s, %(high)s, %(settled)s, %(rows)s,
    %(columns)s)
ON CONFLICT (table_schema, stream) DO UPDATE SET
high = greatest(p.high::{type}, excluded.high::{type})::text, loaded_at = now(),
settled = greatest(p.settled::{type}, excluded.settled::{type})::text,
replication_key = excluded.replication_key, row_count = p.row_count + excluded.row_count
"""
_SETTLE = """
UPDATE entrepot_ops.positions SET columns = %(columns)s,
settled = greatest(settled::{type}, %(settled)s::{type})::text WHERE table_schema = %(schema)s
    AND stream = %(stream)s
"""


class Position:
    """One stream's position."""

    def __init__(self, session: psycopg.Connection, table: Definition) -> None:
        """Take the session; nothing is done yet.

        Args:
            session: The session that loads the table.
            table: The table.
        """
        self._session = session
        self._table = table

    @property
    def _row(self) -> list[str]:
        """What finds it: each replica of a warehouse has positions of its own."""
        return [self._table.name.schema, self._table.stream]

    def known_columns(self) -> dict[str, int] | None:
        """Give the source's numbers of the columns as they were loaded, by name.

        A position of another replication key is forgotten, unless the column is only renamed: the
        tap does the same.

        Returns:
            The numbers; None when they are not known.
        """
        row = self._session.execute(
            "SELECT columns, replication_key FROM entrepot_ops.positions"
            " WHERE table_schema = %s AND stream = %s",
            self._row,
        ).fetchone()
        numbers: dict[str, int] | None
        numbers, key = row or (None, None)
        is_renamed = (numbers or {}).get(key or "") == self._table.numbers[
            self._table.key
        ]
        if key not in (None, self._table.key) and not is_renamed:
            self.forget()
        return numbers

    def forget(self) -> None:
        """Forget how far the table is loaded."""
        self._session.execute(
            "DELETE FROM entrepot_ops.positions WHERE table_schema = %s AND stream = %s",
            self._row,
        )

    def move(self, covers: KeyRange, settled: str | None, rows: int) -> None:
        """Note a batch, in the transaction that loads it.

        Args:
            covers: The range of the replication key that it has.
            settled: The key up to which the source can add nothing more; None when not known.
            rows: How many rows of it were loaded.
        """
        table = self._table
        self._session.execute(
            _POSITION.format(type=table.key_type),
            {
                "stream": table.stream,
                "source": table.source.schema,
                "schema": table.name.schema,
                "table": table.name.name,
                "key": table.key,
                "high": covers.high,
                "settled": settled,
                "rows": rows,
                "columns": Jsonb(table.numbers),
            },
        )

    def settle(self, key: str | None) -> None:
        """Note, at the end of a stream, up to where nothing more can come.

        Args:
            key: The replication key; None when that is not known.
        """
        self._session.execute(
            _SETTLE.format(type=self._table.key_type),
            {
                "settled": key,
                "columns": Jsonb(self._table.numbers),
                "schema": self._table.name.schema,
                "stream": self._table.stream,
            },
        )

    def lock_and_is_above(self, low: str | None) -> bool:
        """Lock the position, and say whether rows above a key may be loaded already.

        Args:
            low: The key; None for the first row on.

        Returns:
            Whether they may.
        """
        row = self._session.execute(
            f"SELECT coalesce(high::{self._table.key_type} > %s::{self._table.key_type}, true)"
            " FROM entrepot_ops.positions WHERE table_schema = %s AND stream = %s FOR UPDATE",
            [low, *self._row],
        ).fetchone()
        return row is None or bool(row[0])
