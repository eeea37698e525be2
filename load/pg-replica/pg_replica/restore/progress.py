"""Progress: a live display on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

from entrepot_core.base.logs import event

if TYPE_CHECKING:
    from rich.progress import Progress

_LINE_EVERY = 30.0  # seconds


class Display:
    """Counts bytes, rows and items, and shows them.

    Args:
        quiet: True where lines are for machines: no live display then.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._mutex = threading.Lock()
        self._lined_at = time.monotonic()
        self._done = self._total = self._items = self._all_items = self._rows = 0
        self._live: Progress | None = None
        if sys.stderr.isatty() and not quiet:
            self._live = _live_display()
            self._task = self._live.add_task("copy", total=None, items="0", rows=0)

    def __enter__(self) -> Display:
        """Begin to show."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the live display."""
        if self._live:
            self._live.stop()

    def expect(self, total_bytes: int, items: int) -> None:
        """Say how much there is to do.

        Args:
            total_bytes: Bytes to copy, as far as known; 0 when not.
            items: Items to restore.
        """
        with self._mutex:
            self._done = self._items = self._rows = 0
            self._total, self._all_items = total_bytes, items
            self._show()

    def count(self, size: int) -> None:
        """Count bytes.

        Args:
            size: How many more.
        """
        with self._mutex:
            self._done += size
            self._show()

    def item_done(self, rows: int | None = None) -> None:
        """Count one finished item.

        Args:
            rows: Rows that it copied.
        """
        with self._mutex:
            self._items += 1
            self._rows += rows or 0
            self._show()

    def _show(self) -> None:
        if self._live:
            self._live.update(
                self._task,
                completed=self._done,
                total=self._total or None,
                items=f"{self._items}/{self._all_items}",
                rows=self._rows,
            )
        elif time.monotonic() - self._lined_at > _LINE_EVERY:
            self._lined_at = time.monotonic()
            # A dump does not say how much is in it.
            total = self._total // 1_000_000
            event(
                "progress",
                megabytes=self._done // 1_000_000,
                **({"of_megabytes": total} if total else {}),
                rows=self._rows,
                items=f"{self._items}/{self._all_items}",
            )


def _live_display() -> Progress:
    """Make what a terminal shows; nights have none, and do not wait for its modules."""
    from rich import progress
    from rich.console import Console

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TextColumn("{task.fields[items]} items, {task.fields[rows]:,} rows"),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
