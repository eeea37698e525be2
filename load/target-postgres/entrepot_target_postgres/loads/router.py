"""The streams of a run that are not append tables: each gets the way that its schema asks for."""

from __future__ import annotations

from typing import Any

import psycopg

from entrepot_core.postgres.connection import Database
from entrepot_core.postgres.identifiers import TableName
from entrepot_core.singer import keywords
from entrepot_core.singer.keywords import REPLACE_BY
from entrepot_core.warehouse import loads
from entrepot_target_postgres.errors import CannotLoad
from entrepot_target_postgres.loads import lock
from entrepot_target_postgres.loads.overwrite import FullLoad
from entrepot_target_postgres.loads.parts import Parts
from entrepot_target_postgres.loads.upsert import Load, Upsert
from entrepot_target_postgres.tables.shape import Shape, of_schema

APPEND, UPSERT, OVERWRITE = "append-only", "upsert", "overwrite"


class StreamLoads:
    """The loads, by stream.

    Args:
        warehouse: The warehouse.
        schema: Where the tables go.
        reader: Who may read them.
        may_lose: Percent of its rows that a table which is replaced whole may lose.
    """

    def __init__(
        self, warehouse: Database, schema: str, reader: str, may_lose: float
    ) -> None:
        self._warehouse = warehouse
        self._schema = schema
        self._reader = reader
        self._may_lose = may_lose
        self._session: psycopg.Connection | None = None
        self._sessions: list[psycopg.Connection] = []
        self._full: FullLoad | None = None
        self._loads: dict[str, Load] = {}

    @property
    def are_open(self) -> bool:
        """Whether rows that were written are not yet committed, so that no state may pass."""
        return any(load.is_open for load in self._loads.values())

    def add(
        self, stream: str, schema: dict[str, Any], keys: list[str], method: str
    ) -> Load:
        """Prepare a stream's table.

        Args:
            stream: The stream's name, and the table's.
            schema: Its JSON schema.
            keys: Its key properties.
            method: The setting `load_method`.

        Returns:
            The stream's load.

        Raises:
            CannotLoad: If the warehouse cannot have such a table.
            AnotherLoad: If another run is loading it.
        """
        shape = of_schema(stream, TableName(self._schema, stream), schema, keys)
        before = self._loads.get(stream)
        if before is None:
            lock.take(self._lock_session(), shape.table)
        elif before.is_open:
            raise CannotLoad(
                f"stream {stream}: its schema has changed in the middle of a load that replaces "
                "its table: the tap must describe a stream before its first record, once"
            )
        load = self._load(shape, schema, method)
        self._loads[stream] = load
        return load

    def _load(self, shape: Shape, schema: dict[str, Any], method: str) -> Load:
        timeout = self._warehouse.timeout
        if REPLACE_BY in schema:
            session = self._connect(shape.stream)
            return Parts(session, shape, self._reader, timeout, schema)
        session = self._lock_session()
        if method == OVERWRITE:
            return self._full_load(session, timeout).add(
                shape, says_all=_is_of_ours(schema)
            )
        kind = Upsert if shape.keys and method == UPSERT else Load
        return kind(session, shape, self._reader, timeout)

    def _full_load(self, session: psycopg.Connection, timeout: float) -> FullLoad:
        if self._full is None:
            self._full = FullLoad(session, self._reader, timeout, self._may_lose)
        return self._full

    def _lock_session(self) -> psycopg.Connection:
        """Give the session that holds the locks of all tables, and loads most of them."""
        if self._session is None:
            self._session = self._connect("streams")
        return self._session

    def _connect(self, purpose: str) -> psycopg.Connection:
        session = self._warehouse.connect(purpose=purpose)
        self._sessions.append(session)
        return session

    def finish(self, *, ended_well: bool) -> None:
        """Put in place, at the end of the input, what waits for it.

        Args:
            ended_well: Whether the end looks like that of a tap which has sent everything; it
                counts for taps that do not say so of each stream.

        Raises:
            CannotLoad: If a stream is not complete; the tables are then as before.
        """
        for load in self._loads.values():
            if isinstance(load, Parts):
                load.finish()
        if self._full is not None:
            if ended_well:
                self._full.believe_the_end()
            self._full.finish()
        if self._session is not None:
            loads.note(
                self._session, [load.shape.table for load in self._loads.values()]
            )

    def close(self) -> None:
        """Let the warehouse go."""
        for session in self._sessions:
            session.close()


def _is_of_ours(schema: dict[str, Any]) -> bool:
    """Say whether a schema is of a tap of ours, each of which says when a stream is complete."""
    properties = schema.get("properties") or {}
    return any(map(keywords.of, [schema, *properties.values()]))
