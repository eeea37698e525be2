"""A live table of the steps on a terminal, and a table of the whole night at its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from entrepot_core.base.logs import LOGGER_NAME
from entrepot_core.base.redaction import redact
from entrepot_core.base.text import visible
from entrepot_ops.meltano.log import Line
from entrepot_ops.nights.telling import summary
from entrepot_ops.nights.telling.base import (
    DONE,
    WORDS,
    Ending,
    Planned,
    StepEnd,
    Teller,
)
from entrepot_ops.nights.telling.figures import Doing, amount, doing, size
from entrepot_ops.report.status import duration

_STYLES = {
    "running": "bold cyan",
    "succeeded": "green",
    "kept": "green",
    "failed": "bold red",
    "cancelled": "bold red",
    "partial": "yellow",
    "differs": "yellow",
}
_PER_SECOND = 4
_AROUND = 8  # lines of the screen that are no step's
_BAR = 20  # columns


@dataclass
class Shown:
    """A step as the table shows it.

    Attributes:
        planned: What was known before.
        end: What has become of it; its status is `waiting` or `running` before.
        began: By `time.monotonic()`.
        attempt: The number of its attempt.
        doing: What runs inside it.
        rows: Rows that it has counted so far.
    """

    planned: Planned
    end: StepEnd
    began: float = 0.0
    attempt: int | None = None
    doing: Doing | None = None
    rows: int | None = None

    @property
    def usual(self) -> float | None:
        """Seconds, the median of the last nights."""
        return self.planned.usual.seconds if self.planned.usual else None

    def seconds(self, now: float) -> float | None:
        """Say for how long it has run.

        Args:
            now: By `time.monotonic()`.

        Returns:
            Seconds; None where it has not.
        """
        return now - self.began if self.end.status == "running" else self.end.seconds


class LiveTable(Teller):
    """Shows the steps while they run.

    Args:
        console: The terminal.
    """

    shows_verdict = True

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(
            self, console=console, refresh_per_second=_PER_SECOND, transient=True
        )
        self._spinner = Spinner("line" if console.legacy_windows else "dots")
        self._steps: dict[str, Shown] = {}
        self._night = 0
        self._began = datetime.now().astimezone()
        self._handlers: list[logging.Handler] = []

    def __enter__(self) -> LiveTable:
        logger = logging.getLogger(LOGGER_NAME)
        self._handlers = logger.handlers[:]
        # What is not in the table, such as a warning, stands above it.
        kept = [h for h in self._handlers if not _writes_to_terminal(h)]
        logger.handlers[:] = [*kept, _Above(self._console)]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the table away."""
        with suppress(OSError):
            self._live.stop()
        logging.getLogger(LOGGER_NAME).handlers[:] = self._handlers

    def night_begins(self, night_id: int, steps: Sequence[Planned], log: Path) -> None:
        """Begin to show.

        Args:
            night_id: The night's number.
            steps: All, in order.
            log: Where their output goes.
        """
        self._night = night_id
        self._steps = {
            one.step: Shown(
                one, StepEnd(one.step, "waiting" if one.is_wanted else "left out")
            )
            for one in steps
        }
        with suppress(OSError):  # the terminal may go, as in _Above and at the end
            self._live.start()

    def step_begins(self, step: str, attempt: int | None) -> None:
        """Show that it runs.

        Args:
            step: Its name.
            attempt: Its number in this night.
        """
        shown = self._steps[step]
        shown.began, shown.attempt = time.monotonic(), attempt
        shown.doing, shown.rows = None, None
        shown.end = StepEnd(step, "running")

    def step_says(self, step: str, line: Line, rows: int | None) -> None:
        """Show what runs inside it.

        Args:
            step: Its name.
            line: What it printed.
            rows: Rows that it has counted so far.
        """
        shown = self._steps[step]
        shown.rows = rows
        if what := doing(line):
            shown.doing = replace(what, text=redact(what.text))

    def step_ends(self, end: StepEnd) -> None:
        """Show how it ended.

        Args:
            end: How.
        """
        self._steps[end.step].end = end

    def step_waits(self, step: str, seconds: float) -> None:
        """Show that it will be tried again.

        Args:
            step: Its name.
            seconds: After how long.
        """
        shown = self._steps[step]
        shown.doing = Doing(f"next attempt in {seconds:g} s")
        shown.end, shown.began = StepEnd(step, "running"), time.monotonic()

    def night_ends(self, ending: Ending) -> None:
        """Show the table of the whole night instead.

        Args:
            ending: How it ended.
        """
        steps = [(one.planned, one.end) for one in self._steps.values()]
        with suppress(OSError):
            self._live.stop()
            self._console.print(summary.of(steps, ending, self._console.width))

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the table as it is now."""
        now = time.monotonic()
        yield self._head(now)
        yield ""
        height = (self._console.height or 25) - _AROUND
        yield self._table(now, max(3, height), min(options.max_width, summary.WIDEST))
        running = [s for s in self._steps.values() if s.end.status == "running"]
        for shown in running:
            yield ""
            yield from self._inside(shown, options.max_width)

    def _head(self, now: float) -> Text:
        wanted = [s for s in self._steps.values() if s.end.status != "left out"]
        ended = sum(s.end.status not in ("waiting", "running") for s in wanted)
        left = remaining([*self._steps.values()], now)
        about = f" · about {duration(left)} left" if left is not None else ""
        head = Text(f"Night {self._night}", "bold")
        return head.append(
            f" since {self._began:%H:%M %Z} · {ended} of {len(wanted)} steps{about}",
            "not bold",
        )

    def _table(self, now: float, height: int, width: int) -> Table:
        table = Table(box=None, padding=(0, 1, 0, 0), width=width, header_style="dim")
        table.add_column("", no_wrap=True, width=8)
        table.add_column("step", no_wrap=True, overflow="ellipsis", ratio=1)
        for name in ("time", "usual", "rows", "bytes"):
            table.add_column(name, justify="right", no_wrap=True)
        for shown in _fitting([*self._steps.values()], height):
            status = shown.end.status
            again = f" (attempt {shown.attempt})" if (shown.attempt or 1) > 1 else ""
            rows = shown.rows if status == "running" else shown.end.rows
            table.add_row(
                Text(WORDS.get(status, status), _STYLES.get(status, "dim")),
                Text(visible(shown.planned.label) + again),
                duration(shown.seconds(now)),
                Text(duration(shown.usual), "dim"),
                amount(rows),
                size(shown.end.byte_count),
            )
        return table

    def _inside(self, shown: Shown, width: int) -> RenderResult:
        what = shown.doing or Doing("starts")
        grid = Table.grid(padding=(0, 1, 0, 0))
        cells: list[Spinner | ProgressBar | Text] = [self._spinner]
        if what.share is not None:
            cells.append(ProgressBar(100, round(100 * what.share), width=_BAR))
        room = width - 3 - (_BAR + 1 if what.share is not None else 0)
        text = Text(what.text, "dim", no_wrap=True)
        text.truncate(max(10, room), overflow="ellipsis")
        grid.add_row(*cells, text)
        yield grid


def remaining(steps: Sequence[Shown], now: float) -> float | None:
    """Estimate how long a night goes on, by what is usual for its steps.

    Args:
        steps: All.
        now: By `time.monotonic()`.

    Returns:
        Seconds; None where a step has no usual time.
    """
    left = 0.0
    for shown in steps:
        if shown.end.status not in ("waiting", "running"):
            continue
        if shown.usual is None:
            return None
        left += max(0.0, shown.usual - (shown.seconds(now) or 0.0))
    return left


def _fitting(steps: list[Shown], height: int) -> list[Shown]:
    """Keep what a screen has room for: what has ended well gives way first, then what waits."""
    over = len(steps) - height
    if over <= 0:
        return steps
    done = [s.planned.step for s in steps if s.end.status in DONE][:over]
    later = [s.planned.step for s in steps if s.end.status == "waiting"]
    hidden = {*done, *(later[-(over - len(done)) :] if over > len(done) else ())}
    return [s for s in steps if s.planned.step not in hidden]


def _writes_to_terminal(handler: logging.Handler) -> bool:
    return type(handler) is logging.StreamHandler


class _Above(logging.Handler):
    """Prints warnings and errors above the table."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line.

        Args:
            record: What the log says.
        """
        style = "red" if record.levelno >= logging.ERROR else "yellow"
        clock = datetime.fromtimestamp(record.created).astimezone()
        line = Text(f"{clock:%H:%M:%S} ").append(f"{record.levelname.lower()}: ", style)
        with suppress(OSError):
            self._console.print(line.append(visible(redact(record.getMessage()))))
