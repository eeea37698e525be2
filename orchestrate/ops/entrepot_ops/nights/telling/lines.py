"""A line at each step's begin and end, for logs and mails."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from entrepot_core.base.logs import event
from entrepot_ops.nights.telling.base import WORDS, Ending, Planned, StepEnd, Teller
from entrepot_ops.nights.telling.figures import amount, size
from entrepot_ops.report.status import duration

_SAID = ("failed", "skipped", "cancelled")  # by whoever knows why


class Lines(Teller):
    """Writes lines by way of the log."""

    def __init__(self) -> None:
        self._usual: dict[str, float | None] = {}
        self._places: dict[str, str] = {}
        self._night = 0

    def night_begins(self, night_id: int, steps: Sequence[Planned], log: Path) -> None:
        """Note what is usual.

        Args:
            night_id: The night's number.
            steps: All, in order.
            log: Where their output goes.
        """
        self._night = night_id
        self._usual = {
            one.step: one.usual.seconds if one.usual else None for one in steps
        }
        self._places = {
            one.step: f"{place} of {len(steps)}" for place, one in enumerate(steps, 1)
        }
        event(f"night {night_id} begins; the output of its steps is in {log}")

    def step_begins(self, step: str, attempt: int | None) -> None:
        """Write that it begins.

        Args:
            step: Its name.
            attempt: Its number in this night.
        """
        which = f" (step {self._places[step]})" if step in self._places else ""
        event(f"{step}: begins{which}", night=self._night, attempt=attempt)

    def step_ends(self, end: StepEnd) -> None:
        """Write how it ended.

        Args:
            end: How.
        """
        if end.status in _SAID:
            return
        if end.status == "kept":
            event(f"{end.step}: had succeeded, and nothing changed since")
            return
        usual = self._usual.get(end.step)
        parts = [
            f"{duration(end.seconds)}"
            + (f" (usually {duration(usual)})" if usual else ""),
            f"{amount(end.rows)} rows" if end.rows is not None else "",
            size(end.byte_count),
        ]
        figures = ", ".join(part for part in parts if part)
        why = f": {end.message}" if end.message else ""
        event(f"{end.step}: {WORDS[end.status]} in {figures}{why}")

    def night_ends(self, ending: Ending) -> None:
        """Write nothing: the log has said it.

        Args:
            ending: How.
        """
