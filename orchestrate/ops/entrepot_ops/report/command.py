"""The verb `report`: what happened in a night, as one page, as text or as JSON."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from entrepot_core.base.logs import event
from entrepot_core.base.redaction import redact
from entrepot_core.base.text import visible_lines
from entrepot_core.command.help import examples
from entrepot_core.command.settings import load
from entrepot_ops.record.store import Store
from entrepot_ops.report import data as night_data
from entrepot_ops.report import page, since
from entrepot_ops.report.status import duration, next_run
from entrepot_ops.settings import ScheduleSettings, WarehouseSettings

_STEPS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_KEPT = 60  # pages
_BREAK = timedelta(minutes=10)
_SMALLEST_BAR = 0.4  # percent of the timeline's width


class Settings(WarehouseSettings, ScheduleSettings):
    """What `report` reads."""


@click.command(
    "report",
    epilog=examples(
        ("report", "the page of the last night"),
        ("report --format text", "the same for a terminal or a mail"),
        ("report --night 7 --compare 3", "night 7 beside night 3"),
    ),
)
@click.option("--night", type=int, help="Which night.  [default: the last one]")
@click.option("--compare", type=int, metavar="NIGHT", help="With which other night.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["html", "text", "json"]),
    default="html",
    show_default=True,
    help="A page, lines for a terminal or a mail, or everything for machines.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file; - for standard output.  [default: WORK_DIR/reports/night-N.html, else -]",
)
@click.pass_context
def command(
    context: click.Context,
    *,
    night: int | None,
    compare: int | None,
    kind: str,
    output: Path | None,
) -> None:
    """Write the report of a night: failures first, then how it went.

    The page is one file that asks for nothing from elsewhere: it can be mailed or archived.
    """
    settings = load(Settings, context.obj)
    with Store(settings.warehouse) as store:
        data = night_data.read(store, night, compare, settings.cron_tz)
    if output is None and kind == "html":
        output = save(data, settings, settings.work_dir)
    else:
        text = shown(data, kind, settings)
        if output is None or str(output) == "-":
            click.echo(text)
            return
        write(output, text)
    event(f"the report of night {data['night']['night_id']} is in {output}")


def save(data: dict[str, Any], settings: ScheduleSettings, work_dir: Path) -> Path:
    """Write a night's page to where pages are, and remove those of long ago.

    Args:
        data: As `night_data.read` gives it.
        settings: See `render`.
        work_dir: WORK_DIR.

    Returns:
        The file.
    """
    folder = work_dir / "reports"
    path = folder / f"night-{data['night']['night_id']}.html"
    text = shown({**data, "is_kept": True}, "html", settings)
    write(path, text)
    pages = sorted(folder.glob("night-*.html"), key=lambda file: file.stat().st_mtime)
    for old in pages[:-_KEPT]:
        old.unlink(missing_ok=True)
    kept = {int(file.stem.partition("-")[2]) for file in pages[-_KEPT:]}
    nights = [night for night in data["trend"] if night["night_id"] in kept]
    if nights and nights[-1]["night_id"] == max(kept):
        write(folder / "latest.html", text)
        index = _environment(settings).get_template("index.html.j2")
        text = index.render(nights=nights[::-1], zone=settings.cron_tz)
        write(folder / "index.html", visible_lines(redact(text)))
    return path


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Args:
        path: Where; its folder is made.
        text: Its content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def shown(data: dict[str, Any], kind: str, settings: ScheduleSettings) -> str:
    """Write a night as it may leave: without secrets and without acting characters.

    Args:
        data: As `night_data.read` gives it.
        kind: `html`, `text` or `json`.
        settings: See `render`.

    Returns:
        The text.
    """
    return visible_lines(redact(render(data, kind, settings)))


def render(data: dict[str, Any], kind: str, settings: ScheduleSettings) -> str:
    """Write a night.

    Args:
        data: As `night_data.read` gives it.
        kind: `html`, `text` or `json`.
        settings: The time zone, and when the next night is due.

    Returns:
        The text.
    """
    if kind == "json":
        return json.dumps(data, default=_plain, indent=2, ensure_ascii=False)
    due = next_run(settings)
    usual = data["since"]["usual_seconds"]
    template = _environment(settings).get_template(f"report.{kind}.j2")
    return template.render(
        **{"is_kept": False, **data},
        **page.prepared(data, ZoneInfo(settings.cron_tz), duration, figure),
        timeline=_timeline(data["attempts"]),
        next_run=due,
        expected_end=since.expected_end(due, usual),
        made_at=datetime.now(timezone.utc),
        zone=settings.cron_tz,
    )


def _environment(settings: ScheduleSettings) -> Environment:
    zone = ZoneInfo(settings.cron_tz)
    environment = Environment(
        loader=PackageLoader("entrepot_ops.report"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        duration=duration,
        figure=figure,
        when=lambda moment: _when(moment, zone),
        clock=lambda moment: moment.astimezone(zone).strftime("%H:%M:%S"),
        signed=lambda number: (
            "" if not number else f"{number:+,}".replace(",", "\u202f")
        ),
    )
    return environment


def figure(number: float | None, unit: str = "") -> str:
    """Write a number for people.

    Args:
        number: None for unknown.
        unit: `B` for bytes; empty for a count, written in full below a million.

    Returns:
        Such as `12 345`, `3.4 M` or `1.2 GB`.
    """
    if number is None:
        return ""
    for size, letter in _STEPS:
        if abs(number) >= size and (unit or size > _STEPS[-1][0]):
            return f"{number / size:.1f}\u202f{letter}{unit}"
    return f"{number:,.0f}".replace(",", "\u202f") + (f"\u202f{unit}" if unit else "")


def _when(moment: datetime | str | None, zone: ZoneInfo) -> str:
    if moment is None:
        return ""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return moment.astimezone(zone).strftime("%a %d %b %Y %H:%M %Z")


def _timeline(attempts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Place the attempts one after the other, in percent; long breaks between them are cut out."""
    done = sorted(
        (a for a in attempts if a["status"] != "skipped"), key=itemgetter("started_at")
    )
    placed: list[tuple[float, float, dict[str, Any]]] = []
    reached, cut = None, timedelta()
    for attempt in done:
        began = attempt["started_at"]
        if reached is not None and began - reached > _BREAK:
            cut += began - reached
        ended = _end_of(attempt)
        first = done[0]["started_at"] + cut
        placed.append(
            ((began - first).total_seconds(), (ended - began).total_seconds(), attempt)
        )
        reached = max(ended, reached or ended)
    whole = max((start + length for start, length, _ in placed), default=0) or 1e-3
    bars = []
    for start, length, attempt in placed:
        width = max(100 * length / whole, _SMALLEST_BAR)
        left = min(100 * start / whole, 100 - width)
        bars.append({**attempt, "left": left, "width": width})
    return bars


def _end_of(attempt: dict[str, Any]) -> datetime:
    ended: datetime | None = attempt["ended_at"]
    if ended is None and attempt["status"] == "running":
        return datetime.now(timezone.utc)
    started: datetime = attempt["started_at"]
    return ended or started


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else str(value)
