"""JSON lines for programs: each event of a night as it happens."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from entrepot_core.base.redaction import redact
from entrepot_core.base.text import visible
from entrepot_ops.meltano.log import Line
from entrepot_ops.nights.telling.base import Ending, Planned, StepEnd, Teller
from entrepot_ops.nights.telling.figures import doing

_OFTEN = 1.0  # seconds between two events of what a step does


class Stream(Teller):
    """Writes to standard output, one object a line; see orchestrate/ops/README.md."""

    def __init__(self) -> None:
        self._said_at = 0.0

    def night_begins(self, night_id: int, steps: Sequence[Planned], log: Path) -> None:
        """Write `night_begins`.

        Args:
            night_id: The night's number.
            steps: All, in order.
            log: Where their output goes.
        """
        plan = [
            {
                "step": one.step,
                "is_wanted": one.is_wanted,
                "usual_seconds": one.usual.seconds if one.usual else None,
                "usual_rows": one.usual.rows if one.usual else None,
            }
            for one in steps
        ]
        _write("night_begins", night_id=night_id, steps=plan, log=str(log))

    def step_begins(self, step: str, attempt: int | None) -> None:
        """Write `step_begins`.

        Args:
            step: Its name.
            attempt: Its number in this night.
        """
        self._said_at = 0.0
        _write("step_begins", step=step, attempt=attempt)

    def step_says(self, step: str, line: Line, rows: int | None) -> None:
        """Write `step_does`, once a second at most.

        Args:
            step: Its name.
            line: What it printed.
            rows: Rows that it has counted so far.
        """
        now = time.monotonic()
        what = doing(line)
        if what is not None and now - self._said_at >= _OFTEN:
            self._said_at = now
            _write(
                "step_does", step=step, does=what.text, share=what.share, row_count=rows
            )

    def step_ends(self, end: StepEnd) -> None:
        """Write `step_ends`.

        Args:
            end: How.
        """
        said = asdict(end)
        _write("step_ends", row_count=said.pop("rows"), **said)

    def step_waits(self, step: str, seconds: float) -> None:
        """Write `step_waits`.

        Args:
            step: Its name.
            seconds: After how long it is tried again.
        """
        _write("step_waits", step=step, seconds=seconds)

    def night_ends(self, ending: Ending) -> None:
        """Write `night_ends`.

        Args:
            ending: How.
        """
        said = ending.outcome.as_dict()
        del said["event"]
        _write(
            "night_ends",
            **said,
            exit_status=ending.exit_status,
            report=str(ending.report) if ending.report else None,
        )


def _write(event: str, **fields: Any) -> None:
    said = {"time": datetime.now().astimezone().isoformat(), "event": event, **fields}
    line = redact(json.dumps(said, default=str, ensure_ascii=False))
    try:
        print(visible(line), flush=True)
    except OSError:  # nobody listens any more; the night matters more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
