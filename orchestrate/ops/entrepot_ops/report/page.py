"""What the page shows beside the record's own figures: sentences, charts, what to do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from entrepot_core.config import domains
from entrepot_ops.report import advice, charts

_FAILURES = ("failed", "interrupted", "cancelled", "differs")
_FOLLOWED = ("partial", "skipped")  # of failures
_GOOD = ("succeeded", "differs")
_TINY = 0.1  # seconds: what took less is told in one line
Shown = Callable[..., str]


def prepared(
    data: dict[str, Any], zone: ZoneInfo, duration: Shown, figure: Shown
) -> dict[str, Any]:
    """Make what the templates need of a night.

    Args:
        data: As `data.read` gives it.
        zone: Whose time it is.
        duration: Writes seconds.
        figure: Writes numbers.

    Returns:
        Variables of the templates.
    """
    steps = data["night"]["steps"]
    tests = data["since"]["tests"]
    return {
        "failures": [_advised(s) for s in steps if s["status"] in _FAILURES],
        "followed": [s for s in steps if s["status"] in _FOLLOWED],
        "failed_tests": [_carded(r, tests) for r in data["dbt"]["failed"]],
        "warned_tests": [_carded(r, tests) for r in data["dbt"]["warned"]],
        "remarks": remarks(data),
        "readers": readers(data),
        "sources": [f for f in data["freshness"] if is_source(f["step"])],
        "slow_items": [
            i for i in data["slowest_items"] if (i["seconds"] or 0) >= _TINY
        ],
        "charts": _charts(data, zone, duration, figure),
    }


def is_source(step: str) -> bool:
    """Say whether a step brings data from outside.

    Args:
        step: Its name.

    Returns:
        Whether a domain says so, or it is a tap and a target.
    """
    return " " in step or any(step in one.steps for one in domains.ALL.values())


def remarks(data: dict[str, Any]) -> str:
    """Count what a night that succeeded still wants to be looked at for.

    Args:
        data: As `data.read` gives it.

    Returns:
        Such as `2 warnings (1 new), 1 unusual change`; empty when there is nothing.
    """
    since = data["since"]
    counts = [
        ("warning", data["dbt"]["warned"]),
        ("finding", data["findings"]),
        ("unusual change", since["anomalies"]),
    ]
    said = [_counted(word, things) for word, things in counts if things]
    personal = [c for c in since["columns"] if c["looks_personal"]]
    if personal:
        names = f"{len(personal)} new column{'s' * (len(personal) > 1)}"
        said.append(f"{names} that may be personal")
    return ", ".join(said)


def _counted(word: str, things: list[dict[str, Any]]) -> str:
    new = sum(1 for thing in things if thing["is_new"])
    words = f"{len(things)} {word}{'s' * (len(things) > 1)}"
    if new == len(things):
        return words
    return f"{words} ({new} new)" if new else f"{words} (none new)"


def readers(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Say which night the readers of each schema see.

    Args:
        data: As `data.read` gives it.

    Returns:
        Schemas of the same night together: `night_id`, `run_id`, `published_at`, `schemas`.
    """
    found: dict[Any, dict[str, Any]] = {}
    for row in data["since"]["readers"]:
        one = found.setdefault((row["night_id"], row["run_id"]), {**row, "schemas": []})
        one["schemas"].append(row["schema_name"])
    return sorted(found.values(), key=lambda one: -one["run_id"])


def _advised(step: dict[str, Any]) -> dict[str, Any]:
    sentence, command = advice.for_step(step)
    return {**step, "advice": sentence, "command": command}


def _carded(result: dict[str, Any], tests: dict[str, Any]) -> dict[str, Any]:
    sentence, command = advice.for_test(result["node"])
    is_test = result["kind"] == "test"
    return {
        **result,
        "name": result["node"].split(".")[2]
        if result["node"].count(".") > 1
        else result["node"],
        "card": tests.get(result["node"]),
        "advice": sentence if is_test else "",
        "command": command if is_test else "entrepot night --from transform",
    }


def _charts(
    data: dict[str, Any], zone: ZoneInfo, duration: Shown, figure: Shown
) -> dict[str, Any]:
    """Draw the last nights, where there are at least two."""
    nights = [n for n in data["trend"] if n["status"] != "imported" and not n["scope"]]
    if len(nights) < 2:
        return {}
    ids = [night["night_id"] for night in nights]
    names = _names(nights, zone)
    place = {night: index for index, night in enumerate(ids)}
    seconds: dict[str, list[float | None]] = defaultdict(lambda: [None] * len(ids))
    for row in sorted(data["steps_trend"], key=lambda row: row["place"]):
        if row["night_id"] in place and row["seconds"] is not None:
            seconds[row["step"]][place[row["night_id"]]] = row["seconds"]
    sizes: dict[str, list[float | None]] = defaultdict(lambda: [None] * len(ids))
    for row in data["sizes_trend"]:
        if row["night_id"] in place:
            sizes[row["table_schema"]][place[row["night_id"]]] = row["byte_count"]
    bytes_ = lambda number, *_: figure(number, "B")  # noqa: E731 -- what pygal calls
    time = lambda number, *_: duration(number)  # noqa: E731
    return {
        "How long each step took": charts.durations(names, seconds, time),
        "How big the warehouse is, by schema": charts.growth(names, sizes, bytes_),
        "How old each source's data was when the night ended": charts.freshness(
            names, _ages(data["steps_trend"], ids), time
        ),
    }


def _names(nights: list[dict[str, Any]], zone: ZoneInfo) -> list[str]:
    days = [night["started_at"].astimezone(zone).strftime("%d %b") for night in nights]
    return [
        f"{day} #{night['night_id']}" if days.count(day) > 1 else day
        for day, night in zip(days, nights, strict=True)
    ]


def _ages(rows: list[dict[str, Any]], ids: list[int]) -> dict[str, list[float | None]]:
    """Give, for each source and night, the time since it last brought its data."""
    by_step: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
    for row in rows:
        if is_source(row["step"]):
            by_step[row["step"]][row["night_id"]] = row
    ends: dict[int, datetime | None] = {
        row["night_id"]: row["night_ended_at"] for row in rows
    }
    found = {}
    for step, nights in by_step.items():
        brought: datetime | None = None
        ages: list[float | None] = []
        for night in ids:
            attempt = nights.get(night)
            if attempt and attempt["status"] in _GOOD:
                brought = attempt["ended_at"]
            end = ends.get(night)
            ages.append(
                max(0.0, (end - brought).total_seconds()) if end and brought else None
            )
        found[step] = ages
    return found
