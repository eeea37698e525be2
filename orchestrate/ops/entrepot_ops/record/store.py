"""The warehouse as the record of nights uses it: one session, made anew when it was lost."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import psycopg
from psycopg.rows import dict_row

from entrepot_core.base.errors import TransientFailure
from entrepot_core.base.text import storable
from entrepot_core.postgres.connection import Database, explained

Row = dict[str, Any]
Parameters = Sequence[object] | Mapping[str, object]


class Store:
    """Runs statements in the warehouse; safe to call from several threads."""

    def __init__(self, warehouse: Database, patience: float = 0) -> None:
        """Prepare; nothing is opened yet.

        Args:
            warehouse: The database.
            patience: Seconds to wait for a server that restarts.
        """
        self.warehouse = warehouse
        self._patience = patience
        self._mutex = threading.Lock()
        self._connection: psycopg.Connection | None = None

    def rows(self, query: str, parameters: Parameters = ()) -> list[Row]:
        """Run a statement that returns rows.

        Args:
            query: SQL.
            parameters: Its values.

        Returns:
            The rows, by column name.

        Raises:
            TransientFailure: If the warehouse is lost and does not come back in time.
        """
        with self._mutex:
            try:
                return self._run(query, parameters)
            except TransientFailure:
                self._forget()
                if not self._patience:
                    raise
                self.warehouse.wait_until_ready(self._patience)
                return self._run(query, parameters)

    def one(self, query: str, parameters: Parameters = ()) -> Row | None:
        """Run a statement that returns one row or none.

        Args:
            query: SQL.
            parameters: Its values.
        """
        found = self.rows(query, parameters)
        return found[0] if found else None

    def has(self, table: str) -> bool:
        """Say whether a table is there.

        Args:
            table: In schema `entrepot_ops`.
        """
        row = self.one(
            "SELECT pg_catalog.to_regclass(%s) IS NOT NULL AS found",
            [f"entrepot_ops.{table}"],
        )
        return bool(row and row["found"])

    def make_tables(self) -> None:
        """Make what is missing of the record's tables, also those of pg-replica."""
        for package, script in (
            ("entrepot_core.warehouse", "runs.sql"),
            ("entrepot_ops.record", "record.sql"),
        ):
            self.rows(resources.files(package).joinpath(script).read_text())

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        with self._mutex:
            self._forget()

    def _forget(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def _run(self, query: str, parameters: Parameters) -> list[Row]:
        with explained("warehouse"):
            if self._connection is None or self._connection.closed:
                self._connection = self.warehouse.connect(purpose="ops record")
            cursor = self._connection.cursor(row_factory=dict_row)
            given = _storable(parameters) or None
            cursor.execute(query, given)
            return cursor.fetchall() if cursor.description else []


def _storable(value: Any) -> Any:
    """Give parameters that the server takes, whatever text is in them."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {name: _storable(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(one) for one in value]
    return value
