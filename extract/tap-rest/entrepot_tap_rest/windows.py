"""The windows of a stream: which days are asked for, and which of them again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from entrepot_tap_rest.definitions import WHOLE

Unit = Literal["day", "month", "year"]


@dataclass(frozen=True)
class Span:
    """A window.

    Attributes:
        name: What rows call it: a day, a month, a year.
        first: Its first day; None where the stream has no windows.
        last: Its last day, not after today.
    """

    name: str
    first: date | None = None
    last: date | None = None


EVERYTHING = Span(WHOLE)


def spans(
    unit: Unit, start: date, today: date, known: str | None, lookback: int
) -> list[Span]:
    """List the windows that a run reads.

    Args:
        unit: How long each is.
        start: The first day of all.
        today: The last day of all.
        known: The last window that another run has read; None for the first run.
        lookback: How many windows before that one are read again.

    Returns:
        The windows, the oldest first; the last one that was read is always among them, as it was
        not over yet. None where the start is still to come.
    """
    every = list(_every(unit, start, today))
    names = [span.name for span in every]
    if known not in names:
        return every
    return every[max(0, names.index(known) - lookback) :]


def _every(unit: Unit, start: date, today: date) -> Iterator[Span]:
    first = start
    while first <= today:
        following = _following(unit, first)
        yield Span(_name(unit, first), first, min(following - timedelta(days=1), today))
        first = following


def _following(unit: Unit, day: date) -> date:
    """Give the first day of the next window."""
    if unit == "day":
        return day + timedelta(days=1)
    if unit == "year":
        return date(day.year + 1, 1, 1)
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _name(unit: Unit, day: date) -> str:
    return day.isoformat()[: {"day": 10, "month": 7, "year": 4}[unit]]
