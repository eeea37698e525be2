"""What is unusual in the last night, beside the nights before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from entrepot_ops.quality import durations, news, volumes
from entrepot_ops.quality.history import Night, one_a_day


@dataclass(frozen=True)
class Anomaly:
    """One thing that is unusual.

    Attributes:
        kind: `lost_rows`, `gained_rows`, `stopped_growing`, `no_news`, `slow_step`,
            `slow_models`, `slow_night` or `personal_column`.
        subject: The table, step or source.
        sentence: What is unusual about it, and what is usual.
        details: Single tables or models where the subject is many.
        is_new: Whether it was not so the night before.
    """

    kind: str
    subject: str
    sentence: str
    details: tuple[str, ...] = field(default=())
    is_new: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Give it for JSON."""
        return asdict(self)


def find(nights: Sequence[Night]) -> list[Anomaly]:
    """Find what is unusual in the last of some nights.

    Args:
        nights: In their order.

    Returns:
        The anomalies, those that are new first.
    """
    days = one_a_day(nights)
    before = {(one.kind, one.subject) for one in _judged(days[:-1])}
    found = [
        Anomaly(
            one.kind,
            one.subject,
            one.sentence,
            one.details,
            (one.kind, one.subject) not in before,
        )
        for one in _judged(days)
    ]
    return sorted(found, key=lambda one: not one.is_new)


def _judged(days: Sequence[Night]) -> list[Anomaly]:
    """Apply every rule."""
    if len(days) < 2:
        return []
    rules = (volumes.judge, news.judge, durations.judge)
    return [Anomaly(*said) for rule in rules for said in rule(days)]
