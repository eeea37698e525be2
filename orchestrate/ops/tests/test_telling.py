"""What a night shows of itself: a live table, a table at the end, figures."""

from __future__ import annotations

import io
import logging
import re
from datetime import datetime, timezone
from pathlib import Path

import pytest
from rich.console import Console

from entrepot_core.base import logs
from entrepot_ops.meltano import log
from entrepot_ops.meltano.log import Line
from entrepot_ops.nights.telling import figures
from entrepot_ops.nights.telling.base import Ending, Planned, StepEnd
from entrepot_ops.nights.telling.live import LiveTable
from entrepot_ops.record.usual import Usual
from entrepot_ops.report.outcome import Outcome

LOG = Path("/var/lib/entrepot/logs/nightly.log")
BROUGHT = datetime(2026, 11, 27, 2, tzinfo=timezone.utc)
USUAL = Usual(10.0, 1000, 6, BROUGHT)
STEPS = [
    Planned("full-replication", "full-replication", usual=USUAL),
    Planned("tap-csv--easiware hash-ids target", "tap-csv--easiware", usual=USUAL),
    Planned("dbt:build", "dbt:build", usual=USUAL),
    Planned("audit", "audit", is_read=False, usual=USUAL),
    Planned("extra", "extra", is_wanted=False),
]


def screen(width: int, height: int = 40, **options: object) -> Console:
    options = {"no_color": True, **options}
    return Console(
        file=io.StringIO(),
        force_terminal=True,
        width=width,
        height=height,
        **options,  # type: ignore[arg-type]
    )


def shown(console: Console, table: LiveTable) -> list[str]:
    other = screen(console.width, console.height)
    other.print(table)
    return written(other).splitlines()


def written(console: Console) -> str:
    """What was written, without bold and dim."""
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return re.sub(
        r" +$", "", re.sub(r"\x1b\[[?\d;]*[a-zA-Z]|\r", "", text), flags=re.MULTILINE
    )


def ending(status: str, **outcome: object) -> Ending:
    told = Outcome("failure", status, "tap failed: no file", 7, **outcome)  # type: ignore[arg-type]
    return Ending(told, 1, Path("/var/lib/entrepot/reports/night-7.html"), LOG)


@pytest.mark.parametrize("width", [80, 200])
def test_the_table_shows_each_step_and_what_runs_inside(width: int) -> None:
    console = screen(width)
    with LiveTable(console) as table:
        table.night_begins(7, STEPS, LOG)
        table.step_begins("full-replication", 1)
        table.step_ends(
            StepEnd("full-replication", "succeeded", 12.3, 1200, 45_000_000)
        )
        table.step_begins(STEPS[1].step, 2)
        table.step_says(
            STEPS[1].step, Line("3 of 12 OK created model a.b ....", "t", "tap"), 77
        )
        lines = shown(console, table)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= min(width, 100)
    assert "Night 7 since " in lines[0]
    assert "1 of 4 steps · about " in lines[0]
    (done,) = (line.split() for line in lines if "full-replication" in line)
    assert done == [
        "done",
        "full-replication",
        "12.3",
        "s",
        "10.0",
        "s",
        "1,200",
        "45",
        "MB",
    ]
    (runs,) = (line for line in lines if "tap-csv" in line)
    assert runs.split()[:4] == ["runs", "tap-csv--easiware", "(attempt", "2)"]
    assert " 77" in runs
    assert "waits    dbt:build" in text
    assert "left out extra" in text
    assert "3 of 12: a.b" in lines[-1]


def test_a_low_screen_keeps_the_step_that_runs() -> None:
    steps = [Planned(f"step-{n}", f"step-{n}") for n in range(40)]
    console = screen(80, height=20)
    with LiveTable(console) as table:
        table.night_begins(7, steps, LOG)
        for step in steps[:25]:
            table.step_ends(StepEnd(step.step, "succeeded", 1))
        table.step_ends(StepEnd("step-3", "failed", 1))
        table.step_begins("step-25", 1)
        lines = shown(console, table)
    assert len(lines) <= 20
    assert any("step-25" in line for line in lines)
    assert any("FAILED   step-3" in line for line in lines)
    assert " left" not in lines[0], "nothing is usual yet"


def test_the_end_says_what_readers_see_and_how_to_go_on() -> None:
    console = screen(80)
    with LiveTable(console) as table:
        table.night_begins(7, STEPS, LOG)
        table.step_begins("full-replication", 1)
        table.step_ends(StepEnd("full-replication", "succeeded", 20.0, 1_234_567_890))
        table.step_ends(StepEnd(STEPS[1].step, "failed", 1.0))
        table.step_ends(StepEnd("dbt:build", "skipped"))
        table.night_ends(ending("failed", seconds=21.0))
    output = written(console)
    end = output[output.rindex("vs usual") - 60 :]
    rows = {line.split()[0]: line.split() for line in end.splitlines() if line.strip()}
    assert (
        " ".join(rows["full-replication"][1:])
        == "done 20.0 s x 2.0 95 % 1,234,567,890 night 7"
    )
    assert " ".join(rows["tap-csv--easiware"][1:]) == "FAILED 1.0 s 5 % night 6"
    assert rows["dbt:build"][1:] == ["skipped", "night", "6"]
    assert rows["audit"][1:] == ["not", "run"]
    assert "extra" not in rows
    said = " ".join(end.split())
    assert "Night 7 failed after 21.0 s: tap failed: no file" in said
    assert (
        "Readers see night 7, but for tap-csv--easiware, dbt:build: as before." in said
    )
    assert "report /var/lib/entrepot/reports/night-7.html" in said
    assert f"log {LOG}" in said
    assert "next entrepot night goes on with what is left" in said
    assert max(len(line.rstrip()) for line in end.splitlines()) <= 80


def test_warnings_stand_above_the_table_and_no_colour_is_used_where_none_is_wanted() -> (
    None
):
    logs.set_up("plain")
    before = logging.getLogger(logs.LOGGER_NAME).handlers[:]
    console = screen(80)
    with LiveTable(console) as table:
        table.night_begins(7, STEPS, LOG)
        logs.event("the disk is \x1b[31mfull", logging.WARNING)
        logs.event("of no interest here")
    output = console.file.getvalue()  # type: ignore[attr-defined]
    assert "warning: the disk is \\u001b[31mfull" in output
    assert "of no interest" not in output
    assert "\x1b[3" not in output, "colours"
    assert logging.getLogger(logs.LOGGER_NAME).handlers == before


@pytest.mark.parametrize(
    ("raw", "text", "share"),
    [
        ("12 of 48 START sql view model a.users ..... [RUN]", "12 of 48: a.users", 0.25),
        ("02:01:03  3 of 4 PASS unique_id ... [PASS in 0.1s]", "3 of 4: unique_id", 0.75),
        ("02:00:01 progress megabytes=1 of_megabytes=4", "megabytes=1 of_megabytes=4", 0.25),
        ("progress megabytes=10 rows=5", "progress megabytes=10 rows=5", None),
        ("a line with \x1b[2J", "a line with \\u001b[2J", None),
    ],
)  # fmt: skip
def test_what_a_step_does_is_read_from_what_it_prints(
    raw: str, text: str, share: float | None
) -> None:
    found = figures.doing(Line(raw, "plugin", "plugin"))
    assert found == figures.Doing(text, share)


@pytest.mark.parametrize(
    "line",
    [
        Line('INFO METRIC: {"metric": "record_count"}', "tap", "tap"),
        Line("Environment 'dev' is active"),
        log.parse(""),
    ],
)
def test_what_says_nothing_to_people_is_not_shown(line: Line) -> None:
    assert figures.doing(line) is None


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, ""), (0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1234, "1.2 kB"), (999_600, "1 MB"),
     (45_000_000, "45 MB"), (3 * 10**15, "3000 TB")],
)  # fmt: skip
def test_sizes(count: int | None, text: str) -> None:
    assert figures.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "usual", "text"),
    [(None, 1, ""), (1, None, ""), (1, 0, ""),
     (1.1, 1, "+10 %"), (0.5, 1, "-50 %"), (3, 1, "x 3.0"), (500, 1, "x 500")],
)  # fmt: skip
def test_against_the_usual(
    seconds: float | None, usual: float | None, text: str
) -> None:
    assert figures.against(seconds, usual) == text
