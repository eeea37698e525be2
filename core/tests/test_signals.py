"""A signal ends a run wherever it comes."""

from __future__ import annotations

import os
import signal
import sys
import time
import weakref
from collections.abc import Callable

import pytest

from entrepot_core.base.errors import Interrupted
from entrepot_core.base.signals import signals_end_the_run


class _Thing:
    pass


def _signal_us(_: object = None) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _go_on() -> None:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        time.sleep(0.001)


def _signal_within_a_deletion() -> None:
    deleted = type("Deleted", (), {"__del__": _signal_us})()
    with signals_end_the_run():
        del deleted
        _go_on()


def _signal_within_a_weak_references_callback() -> None:
    thing = _Thing()
    reference = weakref.ref(thing, _signal_us)
    with signals_end_the_run():
        del thing
        _go_on()
    assert reference() is None


def _signal_within_what_tolerates_any_failure() -> None:
    with signals_end_the_run():
        try:
            _signal_us()
            _go_on()
        except Exception:
            pytest.fail("a signal was taken for a failure")


@pytest.mark.parametrize(
    "place",
    [
        _signal_within_a_deletion,
        _signal_within_a_weak_references_callback,
        _signal_within_what_tolerates_any_failure,
    ],
)
def test_a_signal_ends_the_run(place: Callable[[], None]) -> None:
    """Also where Python drops an exception, or where any failure is tolerated."""
    with pytest.raises(Interrupted) as end:
        place()
    assert end.value.exit_code == 143


def test_another_dropped_exception_goes_where_it_went(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only the exceptions of signals are ours."""
    dropped: list[sys.UnraisableHookArgs] = []
    monkeypatch.setattr(sys, "unraisablehook", dropped.append)

    def fail(_: object) -> None:
        raise ValueError("of another")

    deleted = type("Faulty", (), {"__del__": fail})()
    with signals_end_the_run():
        del deleted
    assert [str(each.exc_value) for each in dropped] == ["of another"]
