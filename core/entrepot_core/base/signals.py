"""Signals as exceptions of the main thread."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType

from entrepot_core.base import started
from entrepot_core.base.errors import Interrupted

_PARENT_POLL = 1.0
_AGAIN = 0.01  # seconds until a signal comes again whose exception nobody could see


@contextmanager
def signals_end_the_run() -> Iterator[None]:
    """Turn SIGTERM, SIGINT and our parent's death into an exception in the main thread.

    Under Meltano, whose death would otherwise leave us writing as an orphan, the parent is
    watched. Where Python drops the exception, because the signal came while an object was
    deleted (`__del__`, a weak reference's callback), the signal comes again.
    """
    before = {
        number: signal.signal(number, _end)
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    unraisable = sys.unraisablehook
    sys.unraisablehook = partial(_come_again, unraisable)
    # Where `entrepot` became us, our parent is a shell, which may go and leave us working.
    if os.environ.get("MELTANO_PROJECT_ROOT") and not started.name():
        threading.Thread(
            target=_watch_parent, args=(os.getppid(),), daemon=True
        ).start()
    try:
        yield
    finally:
        sys.unraisablehook = unraisable
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _: FrameType | None) -> None:
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(number, f"ended by {signal.Signals(number).name}")


def _come_again(
    others: Callable[[sys.UnraisableHookArgs], object], dropped: sys.UnraisableHookArgs
) -> None:
    """Send the signal once more whose exception Python drops; the hook may raise nothing."""
    end = dropped.exc_value
    if not isinstance(end, Interrupted):
        others(dropped)
        return
    again = threading.Timer(_AGAIN, os.kill, (os.getpid(), end.signal_number))
    again.daemon = True
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, _end)
    again.start()


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
