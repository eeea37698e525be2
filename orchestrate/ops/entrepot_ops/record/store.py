"""The warehouse as the record of nights uses it: one session, made anew when it was lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg.rows import dict_row

from entrepot_core.base.errors import TransientFailure
from entrepot_core.base.text import storable
from entrepot_core.postgres.connection import Database, explained
from entrepot_core.warehouse import migrate

Row = dict[str, Any]
Parameters = Sequence[object] | Mapping[str, object]
_Result = TypeVar("_Result")


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
        return self._with_session(lambda session: _run(session, query, parameters))

    def one(self, query: str, parameters: Parameters = ()) -> Row | None:
        """Run a statement that returns one row or none.

        Args:
            query: SQL.
            parameters: Its values.

        Returns:
            The row by column; None if there is none.
        """
        found = self.rows(query, parameters)
        return found[0] if found else None

    def upgrade_if_made(self) -> bool:
        """Bring the record's tables up to date where there are any.

        Returns:
            Whether there are any; where there are none, none are made.

        Raises:
            Refused: If a newer release has worked in this warehouse.
            TransientFailure: If the warehouse is lost and does not come back in time.
        """
        return self._with_session(migrate.upgrade_if_made)

    def make_tables(self) -> None:
        """Make the record's tables, or bring them up to date.

        Raises:
            Refused: If a newer release has worked in this warehouse.
            TransientFailure: If the warehouse is lost and does not come back in time.
        """
        self._with_session(migrate.upgrade)

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

    def _with_session(self, work: Callable[[psycopg.Connection], _Result]) -> _Result:
        """Do something in the session; once more on a new one when it was lost."""
        with self._mutex:
            try:
                return self._once(work)
            except TransientFailure:
                self._forget()
                if not self._patience:
                    raise
                self.warehouse.wait_until_ready(self._patience)
                return self._once(work)

    def _once(self, work: Callable[[psycopg.Connection], _Result]) -> _Result:
        with explained("warehouse"):
            if self._connection is None or self._connection.closed:
                self._connection = self.warehouse.connect(purpose="record")
            return work(self._connection)


def _run(session: psycopg.Connection, query: str, parameters: Parameters) -> list[Row]:
    cursor = session.cursor(row_factory=dict_row)
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
