"""The rows of tables into the landing, by COPY, several at once."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable

from entrepot_core.base.errors import RunFailed, TransientFailure
from entrepot_core.postgres.connection import one_line
from entrepot_core.postgres.copy.libpq import CopyError, Stopped, copy_in
from entrepot_core.postgres.identifiers import TableName
from entrepot_core.warehouse.runs import Item as RecordedItem
from entrepot_core.warehouse.runs import utc_now
from pg_replica.restore.context import RestoreContext
from pg_replica.restore.scheduler import Task
from pg_replica.source.rows import Portion

# Added to a copy's weight: the source is released when the last one ends.
_COPY_FIRST = 10**15
_COPY_TRIES = 3
# A standby cancels queries that stand in the way of recovery; the snapshot may still live.
_WORTH_ANOTHER_COPY = {"40001", "57014"}


class Copies:
    """The tasks that copy rows."""

    def __init__(self, context: RestoreContext) -> None:
        """Take what the tasks share; nothing is done yet.

        Args:
            context: What all tasks of the restore share.
        """
        self._context = context

    def tasks(
        self, portions: list[Portion], on_copied: Callable[[], None]
    ) -> dict[TableName, list[Task]]:
        """Make one task of each portion.

        Args:
            portions: The rows.
            on_copied: Called once, by the worker that has copied the last row.

        Returns:
            The tasks by table.
        """
        left, mutex = len(portions), threading.Lock()

        def action(portion: Portion) -> Callable[[int], None]:
            def copy(worker: int) -> None:
                nonlocal left
                self._copy(portion, worker)
                with mutex:
                    left -= 1
                    last = not left
                if last:
                    on_copied()

            return copy

        tasks = defaultdict(list)
        for portion in portions:
            name = f"rows of table {portion.table}"
            tasks[portion.table].append(
                Task(name, action(portion), _COPY_FIRST + portion.size)
            )
        return tasks

    def _copy(self, portion: Portion, worker: int) -> None:
        for left in reversed(range(_COPY_TRIES)):
            try:
                self._copy_once(portion, worker)
            except CopyError as error:
                self._context.sessions.discard(worker)
                if self._context.patience.stop.is_set():
                    raise Stopped from None
                if (
                    left
                    and error.side == "source"
                    and error.sqlstate in _WORTH_ANOTHER_COPY
                ):
                    continue
                raise _explained(portion.table, error) from None
            except BaseException:
                self._context.sessions.discard(worker)
                raise
            else:
                return

    def _copy_once(self, portion: Portion, worker: int) -> None:
        began, started_at, size = time.monotonic(), utc_now(), 0

        def count(more: int) -> None:
            nonlocal size
            size += more
            self._context.display.count(more)

        session = self._context.sessions.get(worker)
        feed = portion.stream.begin(worker, session, self._context.patience)
        options = feed.options
        session.execute(self._context.path.begin)
        if portion.whole and feed.is_frozen:
            # In the transaction that empties the table, rows can be written frozen.
            session.execute(f"TRUNCATE ONLY {portion.table.sql}")
            options += ", FREEZE"
        received = copy_in(
            session,
            f"{feed.into} ({options})",
            feed.chunks,
            self._context.patience,
            count,
            feed.put,
        )
        if received != portion.stream.sent:
            raise RunFailed(
                f"table {portion.table}: {portion.stream.sent} rows were sent and {received} "
                "received"
            )
        session.execute("COMMIT")
        seconds = time.monotonic() - began
        self._context.display.item_done(received)
        self._context.record.item(
            RecordedItem(
                "TABLE DATA", str(portion.table), started_at, seconds, received, size
            )
        )


def _explained(table: TableName, error: CopyError) -> RunFailed:
    message = f"table {table}: the {error.side} ended the copy: {one_line(error)}"
    state = error.sqlstate or ""
    if state == "53100":
        return RunFailed(
            message, "free space on the warehouse; the landing has been emptied"
        )
    # Lost connections, shutdowns and crashes, recovery conflicts, exhausted resources, locks.
    if not state or state[:2] in ("08", "53", "57", "40", "55"):
        return TransientFailure(message)
    return RunFailed(message)
