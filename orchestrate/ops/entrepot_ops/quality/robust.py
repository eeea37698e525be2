"""What is usual on a weekday: medians, and deviations that one odd night cannot move."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_NORMAL = 1.4826  # the standard deviation of normally distributed values by their MAD
_SMALL = {2: 1.196, 3: 1.495, 4: 1.363, 5: 1.206, 6: 1.2, 7: 1.14, 8: 1.129, 9: 1.107}
_WEEKS = 3  # of a weekday, before it is compared with itself alone
Sample = tuple[int, float]  # weekday, value


@dataclass(frozen=True)
class Usual:
    """What a figure usually is.

    Attributes:
        middle: The median.
        spread: The median absolute deviation, scaled to a standard deviation.
        values: What it was compared with: the same weekday's, or all while there are few.
    """

    middle: float
    spread: float
    values: tuple[float, ...]


def usual(
    samples: Sequence[Sample], weekday: int, *, is_weekly: bool = True
) -> Usual | None:
    """Say what is usual on a weekday.

    The spread of a few Mondays says little, so it is no less than the spread of all nights, each
    around its own weekday's median.

    Args:
        samples: Weekdays and values of earlier nights.
        weekday: Monday is 0.
        is_weekly: Whether a weekday is always compared with itself: what people do is another on
            Sundays. Else only where it differs from the others by more than chance.

    Returns:
        The median and spread of that weekday, or of all nights where it is like the others or
        there are fewer than three of it; None without any night.
    """
    if not samples:
        return None
    by_weekday: dict[int, list[float]] = defaultdict(list)
    for day, value in samples:
        by_weekday[day].append(value)
    every = [value for _, value in samples]
    same = by_weekday.get(weekday, [])
    if len(same) < _WEEKS or not (is_weekly or _differs(same, every)):
        return Usual(median(every), _spread(every), tuple(every))
    middles = {day: median(values) for day, values in by_weekday.items()}
    around = [value - middles[day] for day, value in samples]
    # Medians of a few nights lie close to them: so few a weekday, so much too small.
    spread = max(_spread(same), _deviation(around) * _correction(len(same)))
    return Usual(middles[weekday], spread, tuple(same))


def _differs(same: Sequence[float], every: Sequence[float]) -> bool:
    """Whether a weekday is another than the others, and not only by chance."""
    error = 1.25 * _spread(every) / math.sqrt(len(same))  # of the median of so many
    return abs(median(same) - median(every)) > 2 * error


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """Say by how much a figure grows for each unit of time (Theil and Sen's estimate).

    Args:
        points: Times and values.

    Returns:
        The median of the slopes between all pairs; None with fewer than two times.
    """
    slopes = [
        (later - earlier) / (after - before)
        for index, (before, earlier) in enumerate(points)
        for after, later in points[index + 1 :]
        if after != before
    ]
    return median(slopes) if slopes else None


def _spread(values: Sequence[float]) -> float:
    return _deviation(values) * _correction(len(values))


def _correction(count: int) -> float:
    # Croux and Rousseeuw (1992) for small samples; and the error of the median itself, which the
    # next value's distance holds too.
    small = _SMALL.get(count, count / (count - 0.8))
    return _NORMAL * small * math.sqrt(1 + 1.57 / count)


def _deviation(values: Sequence[float]) -> float:
    middle = median(values)
    return median(abs(value - middle) for value in values)
