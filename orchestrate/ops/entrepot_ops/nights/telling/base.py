"""What a night tells, whoever listens; on its own a listener that says nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from entrepot_ops.meltano.log import Line
from entrepot_ops.record.usual import Usual
from entrepot_ops.report.outcome import Outcome

# The record's words, as people read them.
WORDS = {
    "waiting": "waits",
    "running": "runs",
    "succeeded": "done",
    "kept": "kept",
    "left out": "left out",
    "failed": "FAILED",
    "skipped": "skipped",
    "partial": "in part",
    "differs": "differs",
    "cancelled": "stopped",
}
DONE = ("succeeded", "differs", "partial", "kept")


@dataclass(frozen=True)
class Planned:
    """A step as it is before the night.

    Attributes:
        step: Its name.
        label: A shorter one, by which it can be asked for too.
        is_wanted: Whether it is asked for.
        is_read: Whether readers see what it makes.
        usual: What is usual for it; None when it has never done its work.
    """

    step: str
    label: str
    is_wanted: bool = True
    is_read: bool = True
    usual: Usual | None = None


@dataclass(frozen=True)
class StepEnd:
    """How an attempt at a step ended, or that there was none.

    Attributes:
        step: Its name.
        status: The record's word; `kept` for what an earlier start had done.
        seconds: For how long it ran; None where it did not.
        rows: Rows that it brought; None where nothing counts them.
        byte_count: Bytes that it brought; the same.
        message: Why it did not succeed; empty when it did.
    """

    step: str
    status: str
    seconds: float | None = None
    rows: int | None = None
    byte_count: int | None = None
    message: str = ""


@dataclass(frozen=True)
class Ending:
    """How the night ended.

    Attributes:
        outcome: In the words of alerts.
        exit_status: The command's.
        report: The page; None where there is none.
        log: Where everything else is.
    """

    outcome: Outcome
    exit_status: int
    report: Path | None
    log: Path


class Teller:
    """Is told what happens in a night, in the main thread; this one keeps it for itself.

    Attributes:
        shows_verdict: Whether it says itself how the night ended, and why.
    """

    shows_verdict = False

    def __enter__(self) -> Teller:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop showing."""

    def night_begins(self, night_id: int, steps: Sequence[Planned], log: Path) -> None:
        """Hear that the steps begin.

        Args:
            night_id: The night's number.
            steps: All, in order.
            log: Where their output goes.
        """

    def step_begins(self, step: str, attempt: int | None) -> None:
        """Hear that an attempt at a step begins.

        Args:
            step: Its name.
            attempt: Its number in this night; None where it could not be recorded.
        """

    def step_says(self, step: str, line: Line, rows: int | None) -> None:
        """Hear a line that the running step prints.

        Args:
            step: Its name.
            line: What it printed; without secrets.
            rows: Rows that it has counted so far; None where it counts none.
        """

    def step_ends(self, end: StepEnd) -> None:
        """Hear how an attempt ended, or that there was none.

        Args:
            end: How.
        """

    def step_waits(self, step: str, seconds: float) -> None:
        """Hear that a step will be tried again.

        Args:
            step: Its name.
            seconds: After how long.
        """

    def night_ends(self, ending: Ending) -> None:
        """Hear how the night ended; everybody has been told.

        Args:
            ending: How.
        """
