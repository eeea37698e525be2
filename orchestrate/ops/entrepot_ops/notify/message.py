"""What everybody is told of a night, before it takes the form that a receiver wants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from entrepot_core.base.redaction import redact
from entrepot_core.base.text import visible
from entrepot_ops.report.outcome import Outcome
from entrepot_ops.report.status import duration

_ENDS = {
    "succeeded": "succeeded",
    "differs": "succeeded, with differences",
    "cancelled": "was stopped",
    "interrupted": "was interrupted",
}
# Characters: what the strictest receiver still shows whole.
_LONGEST = 1500
_LONGEST_FACT = 500


@dataclass(frozen=True)
class Message:
    """What is told.

    Attributes:
        title: In a few words.
        sentence: Why, or that all went well.
        outcome: `success`, `failure` or `recovery`.
        facts: Names and values, in order.
        link: The report; empty where nobody has said where it can be read.
        steps: Each step's last attempt, as the record has it.
    """

    title: str
    sentence: str
    outcome: str
    facts: tuple[tuple[str, str], ...] = ()
    link: str = ""
    steps: tuple[dict[str, Any], ...] = field(default=())

    @property
    def text(self) -> str:
        """All of it as plain text."""
        lines = [f"{self.title}: {self.sentence}"]
        lines += [f"{name}: {value}" for name, value in self.facts]
        if self.link:
            lines.append(f"Report: {self.link}")
        return "\n".join(lines)


def of(outcome: Outcome) -> Message:
    """Write what is told.

    Args:
        outcome: How the night ended.

    Returns:
        The message, without secrets and without characters that act on a screen.
    """
    facts = {
        "Steps that failed": ", ".join(outcome.failed_steps),
        "Skipped": ", ".join(outcome.skipped_steps),
        "Owners": ", ".join(outcome.owners),
        "Took": duration(outcome.seconds),
        "Rows": f"{outcome.row_count:,}" if outcome.row_count else "",
        "Host": outcome.host,
    }
    return Message(
        title=_title(outcome),
        sentence=_cut(_clean(outcome.message), _LONGEST),
        outcome=outcome.outcome,
        facts=tuple(
            (name, _cut(_clean(value), _LONGEST_FACT))
            for name, value in facts.items()
            if value
        ),
        link=outcome.report_url or "",
        steps=tuple(outcome.steps),
    )


def _title(outcome: Outcome) -> str:
    if outcome.night_id is None and outcome.scope:
        return _clean(f"The job {outcome.scope} failed")
    night = f"Night {outcome.night_id}" if outcome.night_id else "The night"
    word = _ENDS.get(outcome.status, "failed" if outcome.outcome == "failure" else "")
    again = ", after a failure" if outcome.outcome == "recovery" else ""
    return f"{night} {word or outcome.status}{again}"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


def _clean(text: str) -> str:
    return visible(redact(text))
