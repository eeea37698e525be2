"""The source, held still: one exported snapshot under which everything is read.

A snapshot alone does not protect from TRUNCATE, nor from an ALTER that rewrites a table: a COPY
under the snapshot then gives 0 rows and no error. So every table is locked ACCESS SHARE before
the snapshot is taken, as pg_dump does, and the tables' files are compared before it is let go.

The lock makes a deploy's ALTER wait, and every query of production queue behind that ALTER. A
watch therefore looks for waiters, and gives way to the first that has waited for the budget.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psycopg
from psycopg import errors, sql
from psycopg.rows import TupleRow

from entrepot_core.base.errors import RunFailed, TransientFailure
from entrepot_core.base.logs import event
from entrepot_core.postgres import catalog
from entrepot_core.postgres.connection import Database, hang_up, one_line
from entrepot_core.postgres.identifiers import TableName, quote
from entrepot_core.postgres.snapshot import WAITERS
from pg_replica.verify.compare import answer

_TABLES_A_STATEMENT = 300
_WATCH_PAUSE = 1.0  # seconds
_LOCK_TRIES = 3

# Of the database for every role: whom the source's application logs in as is not known.
_SEARCH_PATH = (
    "SELECT s.setting FROM pg_catalog.pg_db_role_setting AS d"
    " CROSS JOIN pg_catalog.unnest(d.setconfig) AS s (setting)"
    " WHERE d.setrole = 0 AND s.setting LIKE 'search_path=%'"
    " AND d.setdatabase = (SELECT b.oid FROM pg_catalog.pg_database AS b"
    " WHERE b.datname = pg_catalog.current_database())"
)


class Snapshot:
    """A transaction on the source that holds the snapshot and the locks.

    Attributes:
        session: Whose transaction holds it.
        name: What other sessions import.
        tables: The tables under it, the biggest first.
        columns: Every table's columns, partitioned tables included.
    """

    def __init__(self, source: Database, lock_timeout: float) -> None:
        """Lock every table, then take and export the snapshot.

        Args:
            source: The source.
            lock_timeout: Seconds to wait for one lock before giving way and trying again.

        Raises:
            TransientFailure: If the locks can't be had, or the server is lost.
        """
        self._source = source
        self._lock_timeout = lock_timeout
        self.session = source.connect(purpose="snapshot", autocommit=False)
        self._stop = threading.Event()
        self._watch: threading.Thread | None = None
        try:
            self._take()
        except BaseException:
            self.session.close()
            raise

    def _take(self) -> None:
        for left in reversed(range(_LOCK_TRIES)):
            try:
                locked = self._lock_tables()
                self.name: str = self._value("SELECT pg_catalog.pg_export_snapshot()")
                self._is_standby = self.query(_IN_RECOVERY)[0][0]
                self.tables = catalog.tables(self.session)
                self.columns = catalog.table_columns(self.session)
            except (
                errors.LockNotAvailable,
                errors.UndefinedTable,
                errors.DeadlockDetected,
            ) as error:
                self._give_way(one_line(error), left)
                continue
            except psycopg.OperationalError as error:
                raise TransientFailure(
                    f"the source's snapshot: {one_line(error)}"
                ) from None
            missed = {table.oid for table in self.tables if table.readable} - locked
            if not missed:
                return
            self._give_way("tables were created meanwhile", left)

    def _give_way(self, reason: str, tries_left: int) -> None:
        self.session.rollback()
        if not tries_left:
            raise TransientFailure(
                f"the source's tables could not be locked in {self._lock_timeout:g} s: {reason}",
                "a deploy or another long lock holds a table; run again when it has ended, "
                "or raise SOURCE_LOCK_TIMEOUT",
            )
        event(f"the source's locks were not available, trying again: {reason}")
        time.sleep(_WATCH_PAUSE)

    def _lock_tables(self) -> set[int]:
        """Lock every readable table before the snapshot; give their OIDs."""
        with self._source.connect(purpose="tables") as other:
            tables = [table for table in catalog.tables(other) if table.readable]
        # Neither BEGIN, SET nor LOCK takes a snapshot: the first SELECT will, under the locks.
        self.session.execute(
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
        )
        self.session.execute(
            sql.SQL("SET LOCAL lock_timeout = {}").format(
                f"{self._lock_timeout * 1000:.0f}ms"
            )
        )
        for first in range(0, len(tables), _TABLES_A_STATEMENT):
            names = ", ".join(
                f"ONLY {table.name.sql}"
                for table in tables[first : first + _TABLES_A_STATEMENT]
            )
            self.session.execute(f"LOCK TABLE {names} IN ACCESS SHARE MODE")
        return {table.oid for table in tables}

    def _value(self, query: str) -> str:
        row = self.session.execute(query).fetchone()
        assert row is not None
        return str(row[0])

    def facts(self, schemas: list[str]) -> set[catalog.Fact]:
        """Describe the source under the snapshot.

        Args:
            schemas: The schemas to describe.

        Returns:
            The facts.
        """
        return catalog.facts(self.session, schemas)

    def populated_materialized_views(self) -> set[TableName]:
        """List the source's materialized views that hold rows."""
        return catalog.populated_materialized_views(self.session)

    def binary_safety(self) -> catalog.BinarySafety:
        """Read which of the source's types have the same binary form everywhere."""
        return catalog.BinarySafety(self.session)

    def search_path(self) -> list[str]:
        """List the schemas that the database's own setting of `search_path` names, in order."""
        return [
            schema
            for (setting,) in self.query(_SEARCH_PATH)
            for schema in _listed(setting)
        ]

    def query(self, statement: str) -> list[TupleRow]:
        """Run a query under the snapshot.

        Args:
            statement: The query.

        Returns:
            Its rows.
        """
        return self.session.execute(statement).fetchall()

    def sample(self, table: TableName, query: str) -> str | None:
        """Ask for a table's sample under the snapshot: see `verify.compare.answer`.

        Args:
            table: The table.
            query: The query.

        Returns:
            The answer; None where code of the source stands in the way.
        """
        return answer(self.session, table, query)

    def sequences(self) -> dict[TableName, tuple[int, bool]]:
        """Read each sequence's value and whether it was ever used, as `setval` wants them."""
        return catalog.sequences(self.session)

    def watch(
        self, budget: float, limit: float, on_failure: Callable[[RunFailed], None]
    ) -> None:
        """Watch the snapshot until it is released.

        Args:
            budget: Seconds for which a lock request of production may wait for us.
            limit: Seconds after which the snapshot must be given up; 0 for none.
            on_failure: Called once, from the watching thread, with why the copy must stop.
        """
        self._watch = threading.Thread(
            target=self._keep_watch,
            args=(budget, limit, on_failure),
            name="watch",
            daemon=True,
        )
        self._watch.start()

    def _keep_watch(
        self, budget: float, limit: float, on_failure: Callable[[RunFailed], None]
    ) -> None:
        began = time.monotonic()
        waiting_since: dict[int, float] = {}
        while not self._stop.wait(_WATCH_PAUSE):
            try:
                waiters: dict[int, str] = dict(self.query(WAITERS))
                promoted = self._is_standby and not self.query(_IN_RECOVERY)[0][0]
            except psycopg.Error as error:
                on_failure(
                    TransientFailure(
                        f"the source's snapshot was lost: {one_line(error)}"
                    )
                )
                return
            if promoted:
                on_failure(
                    RunFailed("the source, a standby, was promoted during the copy")
                )
                return
            now = time.monotonic()
            waiting_since = {pid: waiting_since.get(pid, now) for pid in waiters}
            for pid, since in waiting_since.items():
                if now - since >= budget:
                    on_failure(_yielded(waiters[pid], pid, budget))
                    return
            if limit and now - began > limit:
                on_failure(_too_long(limit))
                return

    def changed_files(self) -> list[TableName]:
        """Compare the tables' files with those noted when the snapshot was taken.

        `pg_relation_filenode` reads the present catalog, not the snapshot's.

        Returns:
            The tables that were truncated, rewritten or dropped since.
        """
        self._end_watch()
        noted = {table.oid: table for table in self.tables}
        present: dict[int, int | None] = dict(
            self.session.execute(
                "SELECT oid, pg_catalog.pg_relation_filenode(oid)"
                " FROM pg_catalog.unnest(%s::oid[]) AS t (oid)",
                [list(noted)],
            ).fetchall()
        )
        return [
            table.name for oid, table in noted.items() if present[oid] != table.filenode
        ]

    def import_into(self, connection: psycopg.Connection) -> None:
        """Begin a transaction under the snapshot.

        Args:
            connection: A session on the source, outside a transaction, not in autocommit.

        Raises:
            TransientFailure: If the snapshot was lost.
        """
        try:
            connection.execute(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
            )
            connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(self.name))
        except psycopg.Error as error:
            raise TransientFailure(
                f"the source's snapshot was lost: {one_line(error)}"
            ) from None

    def _end_watch(self) -> None:
        self._stop.set()
        if self._watch and self._watch is not threading.current_thread():
            self._watch.join()

    def release(self) -> None:
        """Let the source go: locks, snapshot, session."""
        self._stop.set()
        if self._watch and self._watch.is_alive():
            self._watch.join(_WATCH_PAUSE)
            hang_up(self.session)  # in case it waits for an answer that never comes
        self.session.close()


_IN_RECOVERY = "SELECT pg_catalog.pg_is_in_recovery()"


def _yielded(table: str, pid: int, budget: float) -> TransientFailure:
    return TransientFailure(
        f"gave way to process {pid} of the source, which waited {budget:g} s for a lock on "
        f"table {table.strip(quote(''))}",
        "a deploy changed a table while it was copied; run again when it has ended",
    )


def _too_long(limit: float) -> RunFailed:
    return RunFailed(
        f"the source's snapshot was held for its limit of {limit:g} s and was released",
        "the copy is too slow for SNAPSHOT_LIMIT: raise it, add jobs, or copy less",
    )


def _listed(setting: str) -> list[str]:
    """Read the schemas of a setting such as `search_path=a, "B"`."""
    listed = setting.partition("=")[2].split(",")
    return [schema.strip().strip('"') for schema in listed]
