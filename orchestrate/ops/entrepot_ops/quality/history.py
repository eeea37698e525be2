"""The nights of the record as the rules see them: plain values, without a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

FULL_LENGTH = 56  # nights: eight of each weekday


@dataclass(frozen=True)
class Size:
    """How big a table was at the end of a night.

    Attributes:
        rows: Its rows; None where nobody has counted or estimated them.
        bytes: Its size with indexes.
    """

    rows: int | None
    bytes: int = 0


@dataclass(frozen=True)
class StepRun:
    """What a step did in a night.

    Attributes:
        status: As the record has it, such as `succeeded`.
        seconds: How long its last attempt took; None where it did not run.
        rows: Rows that it brought; None where it counts none.
    """

    status: str
    seconds: float | None = None
    rows: int | None = None

    @property
    def is_good(self) -> bool:
        """Whether it did all that it should."""
        return self.status in ("succeeded", "differs")


@dataclass(frozen=True)
class Night:
    """A night.

    Attributes:
        night_id: Its number.
        day: The local day on which it began.
        tables: Sizes by the table's name.
        steps: By the step's name.
        models: Seconds by the model's name, of models that were built.
    """

    night_id: int
    day: date
    tables: Mapping[str, Size] = field(default_factory=dict)
    steps: Mapping[str, StepRun] = field(default_factory=dict)
    models: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether each step did all that it should: then its figures are usual ones."""
        return all(step.is_good for step in self.steps.values())


def one_a_day(nights: Sequence[Night]) -> list[Night]:
    """Keep the last night of each day: a night begun again by hand brings one hour's news.

    Args:
        nights: In their order.

    Returns:
        The nights, with different days, the newest `FULL_LENGTH` + 1 of them.
    """
    last = {night.day: night for night in nights}
    return [last[day] for day in sorted(last)][-FULL_LENGTH - 1 :]
