"""How the rows of one stream reach its table: appended, or put in place of older ones by key."""

from __future__ import annotations

from typing import Any

import psycopg

from entrepot_core.postgres.identifiers import quote
from entrepot_core.warehouse import readers
from entrepot_target_postgres.errors import CannotLoad
from entrepot_target_postgres.rows import Landing
from entrepot_target_postgres.tables import ddl
from entrepot_target_postgres.tables.copying import Rows, copy, reason
from entrepot_target_postgres.tables.shape import Shape


class Load:
    """A stream's way into the warehouse; this one appends.

    Attributes:
        shape: The table as the schema wants it.
        columns: Those that rows fill, as the server has made them.
    """

    def __init__(
        self, session: psycopg.Connection, shape: Shape, reader: str, timeout: float
    ) -> None:
        """Make the table, or let it follow the schema.

        Args:
            session: A session on the warehouse, in autocommit, that holds the table's lock.
            shape: The table.
            reader: Who may read it.
            timeout: Seconds after which a silent network counts as cut.
        """
        self.shape = shape
        self.columns: list[Landing] = []
        self._session = session
        self._reader = reader
        self._timeout = timeout
        ddl.create_schema(session, shape.table.schema)
        ddl.open_schema(session, shape.table.schema, reader)
        ddl.check_types(session, shape)
        self._prepare()

    @property
    def is_open(self) -> bool:
        """Whether rows that were written are not yet committed, so that no state may pass."""
        return False

    def _prepare(self) -> None:
        self._settle(has_key=False)

    def _settle(self, *, has_key: bool) -> None:
        """Have the table at its place, with the schema's columns."""
        session, table = self._session, self.shape.table
        if ddl.exists(session, table):
            wanted = ddl.spelled(session, self.shape)
            ddl.follow(session, table, self.shape, wanted, has_key=has_key)
        else:
            with session.transaction():
                ddl.create(session, table, self.shape, has_key=has_key)
                ddl.index(session, table, self.shape)
        readers.show_table(session, table, self._reader)
        here = {each.name: each for each in ddl.landings(session, table.sql)}
        self.columns = [here[name] for name in self.shape.names]

    def check(self, record: dict[str, Any]) -> None:
        """Refuse a record that does not belong here.

        Args:
            record: Before it is written.
        """

    def write(self, rows: Rows) -> None:
        """Write rows, in one transaction.

        Args:
            rows: What to write.

        Raises:
            CannotLoad: If the warehouse refuses them.
        """
        with self._session.transaction():
            self._copy(self.shape.table.sql, rows)

    def _copy(self, into: str, rows: Rows) -> None:
        if unknown := set(rows.columns) - set(self.shape.names):
            raise CannotLoad(
                f"stream {self.shape.stream}: a file has columns that are not in the schema: "
                f"{', '.join(sorted(unknown))}"
            )
        copy(self._session, into, rows, self.shape, self._timeout)

    def activate(self) -> None:
        """Hear that the tap has sent all rows of the stream's version: nothing to do here."""


class Upsert(Load):
    """Rows replace those of the same key; of several in one run the last one stays."""

    def _prepare(self) -> None:
        self._settle(has_key=True)
        self._beside = f"pg_temp.{quote(self.shape.table.name)}"
        listed = ", ".join(
            f"{quote(column.name)} {column.type}" for column in self.columns
        )
        self._session.execute(f"DROP TABLE IF EXISTS {self._beside}")
        self._session.execute(
            f"CREATE TEMPORARY TABLE {quote(self.shape.table.name)} ({listed})"
            " ON COMMIT DELETE ROWS"
        )

    def write(self, rows: Rows) -> None:
        """Write rows, in one transaction.

        Args:
            rows: What to write.

        Raises:
            CannotLoad: If the warehouse refuses them.
        """
        with self._session.transaction():
            self._copy(self._beside, rows)
            try:
                self._session.execute(self._merge(rows.columns))
            except psycopg.Error as error:
                raise CannotLoad(
                    f"stream {self.shape.stream}: {reason(error)}"
                ) from None

    def _merge(self, columns: list[str]) -> str:
        keys = ", ".join(map(quote, self.shape.keys))
        listed = ", ".join(map(quote, columns))
        others = [quote(name) for name in columns if name not in self.shape.keys]
        action = (
            "UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in others)
            if others
            else "NOTHING"
        )
        # COPY has written the rows in their order, which ctid keeps: the last one wins.
        return (
            f"INSERT INTO {self.shape.table.sql} ({listed}) SELECT DISTINCT ON ({keys}) {listed}"
            f" FROM {self._beside} ORDER BY {keys}, ctid DESC ON CONFLICT ({keys}) DO {action}"
        )
