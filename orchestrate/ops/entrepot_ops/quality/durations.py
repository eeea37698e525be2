"""Steps and models beyond their usual time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from entrepot_ops.quality.history import Night
from entrepot_ops.quality.robust import usual
from entrepot_ops.quality.volumes import Said

_FEWEST = 7  # earlier nights
_LONGER = 1.5  # times the usual time
_MODEL_LONGER = 2.0
_FORTNIGHT = 14
_EARLY = 1.7
_SECONDS = 5.0  # beyond it
_WIDTH = 3.0  # deviations, of the logarithm
_MANY = 3  # steps that are slow together
_SHORTEST = 1e-3  # seconds; a logarithm needs some


@dataclass(frozen=True)
class Slow:
    """What took longer than it usually does.

    Attributes:
        name: The step or model.
        seconds: What it took.
        usual: The median of the same weekday.
    """

    name: str
    seconds: float
    usual: float

    @property
    def times(self) -> float:
        """How many times the usual."""
        return self.seconds / max(self.usual, _SHORTEST)


def slow_steps(days: Sequence[Night]) -> list[Slow]:
    """List the steps of the last night that took unusually long.

    Args:
        days: Nights of different days, in their order.

    Returns:
        The steps, what has the largest difference first.
    """

    def seconds(night: Night) -> dict[str, float]:
        return {
            name: step.seconds
            for name, step in night.steps.items()
            if step.is_good and step.seconds is not None
        }

    return _slow(days, seconds, _LONGER)


def slow_models(days: Sequence[Night]) -> list[Slow]:
    """List the models of the last night that took unusually long.

    Args:
        days: Nights of different days, in their order.

    Returns:
        The models, what has the largest difference first.
    """
    return _slow(days, lambda night: dict(night.models), _MODEL_LONGER)


def judge(days: Sequence[Night]) -> Iterator[Said]:
    """Find what is unusually slow.

    Args:
        days: Nights of different days, in their order; the last is judged.

    Yields:
        Kind, subject, sentence and details of each.
    """
    steps = slow_steps(days)
    timed = sum(1 for step in days[-1].steps.values() if step.is_good)
    if len(steps) >= _MANY and 2 * len(steps) > timed:
        yield (
            "slow_night",
            "the whole night",
            f"{len(steps)} of {timed} steps took unusually long: is the machine or a server busy?",
            tuple(map(_sentence, steps)),
        )
    else:
        for step in steps:
            yield "slow_step", step.name, _sentence(step, ""), ()
    if models := slow_models(days):
        yield (
            "slow_models",
            "models",
            f"{len(models)} took more than twice their usual time",
            tuple(map(_sentence, models)),
        )


def _sentence(slow: Slow, name: str | None = None) -> str:
    start = f"{slow.name} " if name is None else name
    return (
        f"{start}took {slow.seconds:,.0f} s, {slow.times:.1f} times"
        f" its usual {slow.usual:,.0f} s"
    )


def _slow(
    days: Sequence[Night],
    seconds_of: Callable[[Night], dict[str, float]],
    longer: float,
) -> list[Slow]:
    """Compare the logarithms: noise of a duration is a share of it."""
    earlier: dict[str, list[tuple[int, float]]] = {}
    for night in days[:-1]:
        for name, seconds in seconds_of(night).items():
            sample = (night.day.weekday(), math.log(max(seconds, _SHORTEST)))
            earlier.setdefault(name, []).append(sample)
    found = []
    for name, seconds in seconds_of(days[-1]).items():
        samples = earlier.get(name, [])
        known = usual(samples, days[-1].day.weekday(), is_weekly=False)
        if known is None or len(samples) < _FEWEST:
            continue
        # While there are few Mondays, what they took is not unusual on a Monday.
        same = [value for day, value in samples if day == days[-1].day.weekday()]
        centre = (
            known.middle
            if same == list(known.values)
            else max(known.middle, median(same or [known.middle]))
        )
        middle = math.exp(centre)
        width = _WIDTH * known.spread
        if len(samples) < _FORTNIGHT:  # a few nights' spread says little
            width = min(width, math.log(_EARLY))
        limit = max(math.log(longer), width)
        far = math.log(max(seconds, _SHORTEST)) - centre > limit
        if far and seconds - middle > _SECONDS:
            found.append(Slow(name, seconds, middle))
    return sorted(found, key=lambda slow: slow.usual - slow.seconds)
