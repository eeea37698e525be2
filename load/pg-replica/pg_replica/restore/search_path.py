"""The source's search path, for its functions alone: they may count on it, our statements never do.

A dump's statements name every schema, and run with an empty `search_path`, as pg_dump means them.
But the functions that they call may name none: an index, a CHECK, a generated column or a
materialized view then works on the source and not here. So rows are copied with the source's search
path, where nothing is looked up but by functions, and an item that found something missing is made
once more with it. PostgreSQL 17 and later give functions no path but their own while they build an
index, refresh or analyze: there they get the path as a setting of theirs, until all is made.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

import psycopg

from entrepot_core.postgres import queries
from entrepot_core.postgres.identifiers import quote

_FUNCTIONS = queries.read("pg_replica", "functions_without_path")
_SCHEMAS_OF_EXTENSIONS = (
    "SELECT DISTINCT n.nspname FROM pg_catalog.pg_extension AS e"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace"
    " WHERE n.nspname <> 'pg_catalog' ORDER BY 1"
)
_MAINTENANCE_HAS_NO_PATH = 170000  # the version from which on
# undefined_function, undefined_table, undefined_object, undefined_column, invalid_schema_name
_NOT_FOUND = frozenset({"42883", "42P01", "42704", "42703", "3F000"})


def is_of_path(error: psycopg.Error) -> bool:
    """Say whether an error may be that of a name looked up with the wrong search path.

    Args:
        error: The error.

    Returns:
        Whether it may.
    """
    return error.sqlstate in _NOT_FOUND


class SearchPath:
    """The search path that the source's functions count on.

    Attributes:
        value: As `SET search_path` takes it; empty where no function is there to need it.

    Args:
        schemas: The landing's schemas.
        wanted: The schemas that the source's own setting names, in its order.
    """

    def __init__(self, schemas: list[str], wanted: Iterable[str] = ()) -> None:
        self._schemas = schemas
        self._wanted = list(wanted)
        self._given: list[str] = []
        self._mutex = threading.Lock()
        self.value = ""

    def find(self, connection: psycopg.Connection) -> None:
        """Find out whether there are functions that need it, and what it is.

        Args:
            connection: A session on the warehouse, once the functions are made.
        """
        if not connection.execute(_FUNCTIONS, {"schemas": self._schemas}).fetchone():
            return
        rows = connection.execute(_SCHEMAS_OF_EXTENSIONS).fetchall()
        extensions = [schema for (schema,) in rows]
        there = {*self._schemas, *extensions}
        path = [schema for schema in self._wanted if schema in there]
        self.value = ", ".join(
            map(quote, dict.fromkeys([*path, *self._schemas, *extensions]))
        )

    @property
    def begin(self) -> str:
        """What begins a transaction in which functions have the path."""
        return f"BEGIN; SET LOCAL search_path = {self.value}" if self.value else "BEGIN"

    def run(self, connection: psycopg.Connection, statements: list[bytes]) -> None:
        """Run statements once more, in which a name was not found.

        Args:
            connection: A session on the warehouse, in autocommit.
            statements: One statement each.

        Raises:
            psycopg.Error: If the server refuses one again.
        """
        try:
            self._run(connection, statements)
        except psycopg.Error as error:
            version = connection.info.server_version
            if version < _MAINTENANCE_HAS_NO_PATH or not is_of_path(error):
                raise
            self._give(connection)
            self._run(connection, statements)

    def _run(self, connection: psycopg.Connection, statements: list[bytes]) -> None:
        with connection.transaction():
            connection.execute(f"SET LOCAL search_path = {self.value}")
            for statement in statements:
                connection.execute(statement, binary=True)

    def _give(self, connection: psycopg.Connection) -> None:
        """Give every function of the source the path as its own setting."""
        with self._mutex:
            if self._given:
                return
            rows = connection.execute(_FUNCTIONS, {"schemas": self._schemas}).fetchall()
            with connection.transaction():
                for (function,) in rows:
                    connection.execute(
                        f"ALTER ROUTINE {function} SET search_path = {self.value}"
                    )
            self._given = [function for (function,) in rows]

    def take_back(self, connection: psycopg.Connection) -> None:
        """Make functions as they are on the source again.

        Args:
            connection: A session on the warehouse, in autocommit.
        """
        with self._mutex:
            with connection.transaction():
                for function in self._given:
                    connection.execute(f"ALTER ROUTINE {function} RESET search_path")
            self._given = []
