"""The verb `status`: the last nights, the step that runs, what failed, the next run."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from entrepot_core.base.redaction import redact
from entrepot_core.base.text import visible, visible_lines
from entrepot_core.command.help import examples
from entrepot_core.command.settings import load
from entrepot_core.config.project import project_root
from entrepot_ops.meltano import project
from entrepot_ops.record import lock
from entrepot_ops.record.store import Store
from entrepot_ops.report import outcome
from entrepot_ops.schedule import crontab
from entrepot_ops.schedule import expression as schedule
from entrepot_ops.settings import ScheduleSettings, WarehouseSettings

_LATE = timedelta(minutes=15)  # until a night that is due has surely begun
_EARLY = timedelta(minutes=5)
_STARTS = """
SELECT min(started_at) AS first, max(started_at) AS last FROM entrepot_ops.night_starts
"""
_NIGHTS = f"""
SELECT n.night_id, n.scope, n.status, n.host, n.pid, n.started_at, n.ended_at, n.step, n.message,
    {outcome.WORKED} AS seconds,
    (SELECT count(*) FROM entrepot_ops.night_starts AS s WHERE s.night_id = n.night_id) AS starts,
    (SELECT sum(s.row_count)::bigint FROM entrepot_ops.night_steps AS s
        WHERE s.night_id = n.night_id
        AND s.status IN ('succeeded', 'partial', 'differs')) AS row_count,
    (SELECT count(*) FROM entrepot_ops.night_steps AS s
        WHERE s.night_id = n.night_id AND s.status = 'failed') AS failed_attempts
FROM entrepot_ops.nights AS n ORDER BY n.night_id DESC LIMIT %s
"""


class Settings(WarehouseSettings, ScheduleSettings):
    """What `status` reads."""


@click.command(
    "status",
    epilog=examples(
        ("status", "what runs, what failed, what is next"),
        ("status --json --nights 1", "the same for a probe"),
    ),
)
@click.option("--nights", default=10, show_default=True, help="How many to list.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_context
def command(context: click.Context, *, nights: int, as_json: bool) -> None:
    """Show the last nights, the step that runs, what failed, and the next run."""
    settings = load(Settings, context.obj)
    found = read(settings, nights)
    if as_json:
        click.echo(visible_lines(redact(json.dumps(found, default=_plain, indent=2))))
    else:
        show(found, Console())


def read(settings: Settings, count: int) -> dict[str, Any]:
    """Read the state of things.

    Args:
        settings: The variables.
        count: How many nights.

    Returns:
        `nights` (newest first), `steps` of the newest, `is_running`, `next_run`,
        `is_in_crontab`: whether cron will start it, null for unknown; `missed_run`: when a night
        was due that never began.
    """
    with Store(settings.warehouse) as store:
        nights = store.rows(_NIGHTS, [count]) if store.upgrade_if_made() else []
        newest = outcome.read(store, nights[0]["night_id"]) if nights else None
        starts = store.one(_STARTS) if nights else None
    started = (starts["first"], starts["last"]) if starts and starts["first"] else None
    is_running = lock.is_held(settings.warehouse)
    if nights and nights[0]["status"] == "running" and not is_running:
        nights[0]["status"] = "interrupted"
    return {
        "is_running": is_running,
        "next_run": next_run(settings),
        "is_in_crontab": crontab.is_installed(project_root()),
        "missed_run": missed_run(settings, started),
        "nights": nights,
        "steps": newest.steps if newest else [],
    }


def next_run(settings: ScheduleSettings) -> datetime | None:
    """Find when the next night is due.

    Args:
        settings: SCHEDULE and CRON_TZ.

    Returns:
        The time; None when nights do not begin by themselves.
    """
    files = project.read(project_root())
    expression = schedule.nightly_expression(files, settings)
    if expression is None:
        return None
    now = datetime.now(timezone.utc)
    return schedule.next_time(expression, settings.cron_tz, now)


def missed_run(
    settings: ScheduleSettings, started: tuple[datetime, datetime] | None
) -> datetime | None:
    """Find the last time when a night was due, where none has begun since.

    Args:
        settings: SCHEDULE and CRON_TZ.
        started: When the first and the last start of a night were; None where there was none.

    Returns:
        The time; None when a night began, when none was due yet, and when none ever begins by
        itself.
    """
    expression = schedule.nightly_expression(project.read(project_root()), settings)
    if expression is None or started is None:
        return None
    now = datetime.now(timezone.utc)
    due = schedule.last_time(expression, settings.cron_tz, now - _LATE)
    first, last = started
    return due if first < due and last < due - _EARLY else None


def show(found: dict[str, Any], console: Console) -> None:
    """Write the state for people.

    Args:
        found: As `read` gives it.
        console: Where.
    """
    nights = found["nights"]
    if not nights:
        console.print("No night yet.")
    else:
        console.print(_night_table(nights))
        console.print(_step_table(nights[0], found["steps"]))
        if nights[0]["message"]:
            console.print(
                visible(
                    redact(f"Night {nights[0]['night_id']}: {nights[0]['message']}")
                ),
                markup=False,
            )
    if found["is_running"]:
        newest = nights[0] if nights else {"host": "?", "pid": "?", "step": "start"}
        console.print(
            f"A night is under way on {newest['host']}, process {newest['pid']}, "
            f"in step {newest['step'] or 'start'}.",
            markup=False,
        )
    _show_next(found, console)


def _show_next(found: dict[str, Any], console: Console) -> None:
    """Say when the next night is due, and whether anything will start it."""
    if missed := found["missed_run"]:
        console.print(
            f"The night of {_minute(missed)} never began: look at what should have started it.",
            style="bold red",
        )
    due = found["next_run"]
    if due is None:
        console.print("None is scheduled: a night begins when somebody starts it.")
        return
    console.print(f"The next is due at {_minute(due)}.")
    if found["is_in_crontab"]:
        return
    why = (
        "it has no cron"
        if found["is_in_crontab"] is None
        else "the crontab has no line of ours, which `entrepot crontab --install` adds"
    )
    console.print(
        f"Nothing on this machine will start it: {why}. Where a platform starts the nights"
        " (Kubernetes, a scheduler), all is well.",
        style="yellow",
    )


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M %Z}"


def _night_table(nights: list[dict[str, Any]]) -> Table:
    table = Table("night", "status", "started", "duration", "rows", "failed tries")
    for night in nights:
        table.add_row(
            escape(visible(f"{night['night_id']} {night['scope']}".strip())),
            night["status"],
            f"{night['started_at'].astimezone():%Y-%m-%d %H:%M %Z}",
            duration(night["seconds"]),
            "" if night["row_count"] is None else f"{night['row_count']:,}",
            str(night["failed_attempts"] or ""),
        )
    return table


def _step_table(night: dict[str, Any], steps: list[dict[str, Any]]) -> Table:
    table = Table(
        f"steps of night {night['night_id']}", "status", "duration", "attempts", "why"
    )
    for step in steps:
        table.add_row(
            escape(visible(step["step"])),
            step["status"],
            duration(step["seconds"]),
            str(step["attempts"]),
            escape(visible(redact(step["message"] or ""))[:300]),
        )
    return table


def duration(seconds: float | None) -> str:
    """Write a duration for people.

    Args:
        seconds: How long; None for unknown.

    Returns:
        Such as `40 ms`, `45.2 s`, `3 min 05 s` or `2 h 07 min`.
    """
    if seconds is None:
        return ""
    seconds = max(0.0, seconds)  # a clock may have been set back meanwhile
    if seconds < 0.95:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)
