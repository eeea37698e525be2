"""Steps that succeeded and brought nothing, or nothing new."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from entrepot_ops.quality.history import Night
from entrepot_ops.quality.robust import usual
from entrepot_ops.quality.volumes import Said

_FEWEST = 7  # a whole week
_RARE = 0.05  # of the nights


def judge(days: Sequence[Night]) -> Iterator[Said]:
    """Find the steps that brought no news although they always do.

    Args:
        days: Nights of different days, in their order; the last is judged.

    Yields:
        Kind, subject, sentence and details of each.
    """
    today = days[-1]
    for name, step in today.steps.items():
        if not step.is_good or step.rows is None:
            continue
        earlier = [
            (night.day.weekday(), float(run.rows))
            for night in days[:-1]
            if (run := night.steps.get(name)) and run.is_good and run.rows is not None
        ]
        if len(earlier) < _FEWEST:
            continue
        if sentence := _nothing(step.rows, earlier, today.day.weekday()) or _same(
            step.rows, [rows for _, rows in earlier]
        ):
            yield "no_news", name, sentence, ()


def _nothing(
    rows: int, earlier: Sequence[tuple[int, float]], weekday: int
) -> str | None:
    """No row, where there always were some on this weekday and on others."""
    known = usual(earlier, weekday)
    if rows or known is None or known.middle <= 0:
        return None
    values = [*known.values, *(v for day, v in earlier if day != weekday and v > 0)]
    empty = sum(1 for value in values if value <= 0)
    if empty > _RARE * len(values):
        return None
    return f"succeeded and brought no row; it usually brings {known.middle:,.0f}"


def _same(rows: int, earlier: Sequence[float]) -> str | None:
    """To the row what the night before brought, where no two nights did."""
    if not rows or rows != earlier[-1]:
        return None
    repeats = sum(a == b for a, b in pairwise(earlier))
    if repeats > _RARE * (len(earlier) - 1):
        return None
    return f"brought {rows:,} rows, to the row what it brought the night before"
