"""Signals as exceptions of the main thread."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from entrepot_core.base.errors import Interrupted

_PARENT_POLL = 1.0


@contextmanager
def signals_end_the_run() -> Iterator[None]:
    """Turn SIGTERM, SIGINT and our parent's death into an exception in the main thread.

    Under Meltano, whose death would otherwise leave us writing as an orphan, the parent is
    watched.
    """

    def end(number: int, _: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number, f"ended by {signal.Signals(number).name}")

    before = {
        number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)
    }
    if os.environ.get("MELTANO_PROJECT_ROOT"):
        threading.Thread(
            target=_watch_parent, args=(os.getppid(),), daemon=True
        ).start()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL)
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Clean up to the end."""
    before = {
        number: signal.signal(number, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
