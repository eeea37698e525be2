"""Full loads: every stream beside its table, then all tables replaced at once."""

from __future__ import annotations

import psycopg

from entrepot_core.warehouse import shrinking
from entrepot_target_postgres.errors import CannotLoad
from entrepot_target_postgres.loads import lock
from entrepot_target_postgres.loads.upsert import Load
from entrepot_target_postgres.tables import ddl, swap
from entrepot_target_postgres.tables.copying import Rows
from entrepot_target_postgres.tables.shape import Shape


class FullTable(Load):
    """A stream whose rows wait beside its table until the whole load is complete.

    Attributes:
        has_all: Whether the tap has said that it has sent all rows.
        says_all: Whether it is one that does: its schema or its messages show it.
        is_replaced: Whether the rows are in their place.
        rows: How many there are.
    """

    has_all = False
    says_all = True
    is_replaced = False
    rows = 0

    @property
    def is_open(self) -> bool:
        """Whether rows that were written are not yet in their place."""
        return not self.is_replaced

    @property
    def side(self) -> swap.Side:
        """The table beside."""
        return swap.Side(self.shape)

    def _prepare(self) -> None:
        session = self._session
        with session.transaction():
            swap.remove(session, self.shape.table)
            ddl.create(session, self.side.table, self.shape, has_key=False)
        self.columns = ddl.landings(session, self.side.table.sql)

    def write(self, rows: Rows) -> None:
        """Write rows beside.

        Args:
            rows: What to write.
        """
        self.has_all = False
        with self._session.transaction():
            self._copy(self.side.table.sql, rows)
        self.rows += rows.rows

    def activate(self) -> None:
        """Hear that the tap has sent all rows."""
        self.has_all = True

    def check_content(self) -> None:
        """Refuse to replace rows by none, where the tap says that this cannot be meant.

        Raises:
            CannotLoad: Naming the stream.
        """
        if self.rows or not self.shape.refuses_empty:
            return
        table = self.shape.table
        if not ddl.exists(self._session, table):
            return
        query = f"SELECT EXISTS (SELECT FROM {table.sql})"
        if self._session.execute(query).fetchone() == (True,):
            raise CannotLoad(
                f"stream {self.shape.stream} is empty, and table {table} is not: no table has "
                "been replaced. If that is meant, set the tap's allow_empty for one run"
            )


class FullLoad:
    """All the streams of a run that replace their tables: either all do, or none.

    Args:
        session: A session on the warehouse, in autocommit.
        reader: Who may read the tables.
        timeout: Seconds after which a silent network counts as cut.
        may_lose: Percent of its rows that a table may lose.
    """

    def __init__(
        self,
        session: psycopg.Connection,
        reader: str,
        timeout: float,
        may_lose: float,
    ) -> None:
        self._session = session
        self._reader = reader
        self._timeout = timeout
        self._may_lose = may_lose
        self._tables: list[FullTable] = []

    def add(self, shape: Shape, *, says_all: bool) -> FullTable:
        """Announce a stream.

        Args:
            shape: Its table; its lock is held.
            says_all: Whether its schema is of a tap that says when it has sent all rows.

        Returns:
            Where its rows go.
        """
        if not self._tables:
            ddl.create_schema(self._session, shape.table.schema)
            swap.make_room(self._session, shape.table.schema)
            self._sweep(shape.table.schema)
        table = FullTable(self._session, shape, self._reader, self._timeout)
        table.says_all = says_all
        self._tables.append(table)
        return table

    def believe_the_end(self) -> None:
        """Take all streams for whole, if their tap is one that never says so of any."""
        if not any(table.says_all or table.has_all for table in self._tables):
            for table in self._tables:
                table.activate()

    def _sweep(self, schema: str) -> None:
        """Remove what dead runs have left, and nothing of one that lives."""
        for left in swap.left_behind(self._session, schema):
            if lock.is_free(self._session, left):
                swap.remove(self._session, left)
                lock.release(self._session, left)

    def finish(self) -> None:
        """Replace all the tables, in one transaction.

        Raises:
            CannotLoad: If a stream is not complete, or its table cannot be replaced.
        """
        if not self._tables:
            return
        try:
            self._replace()
        except BaseException:
            for table in self._tables:
                swap.remove(self._session, table.shape.table)
            raise

    def _replace(self) -> None:
        if missing := [t.shape.stream for t in self._tables if not t.has_all]:
            raise CannotLoad(
                f"the tap ended before it had said that it had sent all of "
                f"{', '.join(sorted(missing))} (by ACTIVATE_VERSION, or by a STATE as its last "
                "message): no table has been replaced; see the tap's own error, and run again"
            )
        for table in self._tables:
            table.check_content()
        self._refuse_shrink()
        for table in self._tables:
            swap.complete(self._session, table.side, self._reader)
        swap.replace(self._session, [table.side for table in self._tables])
        for table in self._tables:
            table.is_replaced = True

    def _refuse_shrink(self) -> None:
        """Put no emptiness in the place of rows, unless that is meant."""
        found = []
        for table in self._tables:
            before = shrinking.rows_of(self._session, table.shape.table)
            if shrinking.is_too_much(before, table.rows, self._may_lose):
                found.append(
                    f"table {table.shape.table}: {before} rows before, now {table.rows}"
                )
        if found:
            raise CannotLoad(
                f"more rows would go than SHRINK_LIMIT allows: {'; '.join(found)}; no table has "
                f"been replaced; {shrinking.WAY_OUT}"
            )
