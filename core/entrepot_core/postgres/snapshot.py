"""One table of the source, held still: a lock, a snapshot, and a watch that lets both go in time.

The lock keeps out TRUNCATE and rewrites, after which a snapshot gives no row and no error. It also
makes a deploy's ALTER wait, and every query of production queue behind that; so the first that has
waited for the budget ends the snapshot, and so does the limit of its age.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg
from psycopg import errors

from entrepot_core.base.errors import TransientFailure
from entrepot_core.postgres import queries
from entrepot_core.postgres.connection import Database, bounded, hang_up, one_line
from entrepot_core.postgres.copy.libpq import CopyError, Stopped
from entrepot_core.postgres.identifiers import TableName

_PAUSE = 0.25  # seconds between two looks at who waits for us
_TRIES = 3  # for the lock
# A standby cancels queries that hold back its recovery.
_CONFLICT = ("40001", "40P01")
_CONFLICT_WORDS = "conflict with recovery"


class GaveWay(Exception):
    """The snapshot was let go before all was read; the words say why."""


@dataclass(frozen=True)
class Limits:
    """How much the source may be asked to bear.

    Attributes:
        lock_timeout: Seconds to wait for the table's lock, which a deploy may hold.
        lock_budget: Seconds for which somebody else's lock may wait for ours.
        snapshot: Seconds for which a snapshot is held; 0 for no limit.
    """

    lock_timeout: float
    lock_budget: float
    snapshot: float


class Held:
    """One snapshot.

    Attributes:
        session: Reads under it.
        stop: Set when nothing more can be read under it.
    """

    def __init__(
        self,
        source: Database,
        table: TableName,
        limits: Limits,
        purpose: str,
    ) -> None:
        """Lock the table; the session's first query then takes the snapshot.

        Args:
            source: The source.
            table: The table.
            limits: What the source may bear.
            purpose: Shown on the source.

        Raises:
            TransientFailure: If the lock can't be had.
        """
        self._source = source
        self._limits = limits
        self._sessions: list[psycopg.Connection] = []
        self._why = ""
        self._began = time.monotonic()
        self.stop = threading.Event()
        self._watch = threading.Thread(target=self._keep_watch, daemon=True)
        self._eye = source.connect(purpose=f"{purpose} watch")
        try:
            self.session = self._open(purpose)
            self._lock(table)
        except BaseException:
            self.close()
            raise

    def _open(self, purpose: str) -> psycopg.Connection:
        session = self._source.connect(purpose=purpose)
        self._sessions.append(session)
        return session

    def _lock(self, table: TableName) -> None:
        for left in reversed(range(_TRIES)):
            self.session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            milliseconds = self._limits.lock_timeout * 1000
            self.session.execute(f"SET LOCAL lock_timeout = '{milliseconds:.0f}ms'")
            try:
                self.session.execute(f"LOCK TABLE {table.sql} IN ACCESS SHARE MODE")
            except errors.LockNotAvailable:
                self.session.execute("ROLLBACK")
                if not left:
                    raise TransientFailure(
                        f"table {table} is locked on the source, by a deploy or a long "
                        f"maintenance: waited {_TRIES} times {self._limits.lock_timeout:g} s; "
                        "run again when that has ended"
                    ) from None
            else:
                return

    def export(self) -> None:
        """Take the snapshot, let other sessions share it, and begin to watch."""
        row = self.session.execute("SELECT pg_catalog.pg_export_snapshot()").fetchone()
        assert row is not None
        self._name: str = row[0]
        self._watch.start()

    def share(self, purpose: str) -> psycopg.Connection:
        """Open another session under the snapshot.

        Args:
            purpose: Shown on the source.

        Returns:
            The session, in a transaction under the snapshot.
        """
        session = self._open(purpose)
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        session.execute(f"SET TRANSACTION SNAPSHOT '{self._name}'")
        return session

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Tell the loss of the snapshot, which a new one mends, from other errors.

        Raises:
            GaveWay: If the snapshot was let go, or a standby took it away.
        """  # noqa: DOC501 -- other errors pass as they are
        try:
            yield
        except (CopyError, Stopped, psycopg.Error) as error:
            if self._why:
                raise GaveWay(self._why) from None
            if _is_conflict(error):
                raise GaveWay(f"the standby cancelled it: {one_line(error)}") from None
            raise

    def _keep_watch(self) -> None:
        since: dict[int, float] = {}
        while not self.stop.wait(_PAUSE):
            try:
                with bounded(self._eye, self._source.timeout):
                    waiters: dict[int, str] = dict(
                        self._eye.execute(WAITERS).fetchall()
                    )
            except psycopg.Error as error:
                self._let_go(
                    f"the connection to the source was lost: {one_line(error)}"
                )
                return
            now = time.monotonic()
            since = {pid: since.get(pid, now) for pid in waiters}
            if why := self._reason(since, now):
                self._let_go(why)

    def _reason(self, since: dict[int, float], now: float) -> str:
        """Say why the snapshot must be let go, if it must."""
        limits = self._limits
        for pid, began in since.items():
            if now - began >= limits.lock_budget:
                return (
                    f"process {pid} of the source had waited {limits.lock_budget:g} s for a lock "
                    "on what is read, which was let go"
                )
        if limits.snapshot and now - self._began >= limits.snapshot:
            return f"a snapshot of the source was held for its limit of {limits.snapshot:g} s"
        return ""

    def _let_go(self, why: str) -> None:
        if self.stop.is_set():
            return
        self._why = why
        self.stop.set()
        for session in self._sessions:
            hang_up(session)

    def close(self) -> None:
        """Let the source go."""
        self.stop.set()
        if self._watch.is_alive():
            self._watch.join(_PAUSE)
            hang_up(self._eye)  # in case it waits for an answer that never comes
            self._watch.join()
        for session in (*self._sessions, self._eye):
            with suppress(psycopg.Error):
                session.close()


def _is_conflict(error: Exception) -> bool:
    state = getattr(error, "sqlstate", None)
    return state in _CONFLICT or _CONFLICT_WORDS in str(error)


# Lock requests that wait for a session of this part of Entrepôt, by whatever number of others in
# between. An application name is `entrepot`, the part, the purpose: its first two words decide.
WAITERS = queries.read("entrepot_core", "waiters")
