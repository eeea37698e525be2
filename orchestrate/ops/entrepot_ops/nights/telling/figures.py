"""Durations, rows and bytes as people read them in a table, and what a running step does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from entrepot_core.base.text import visible
from entrepot_ops.meltano.log import Line

_UNITS = ("B", "kB", "MB", "GB", "TB")
_DBT = re.compile(r"\b(\d+) of (\d+) (?:START|OK|PASS|WARN|ERROR|FAIL|SKIP)\b(.*)")
_NODE = re.compile(r"\b([\w.]+)\s*\.{2,}")
_BAR = re.compile(r"progress megabytes=(\d+) of_megabytes=(\d+)")
_LONGEST = 200  # characters


@dataclass(frozen=True)
class Doing:
    """What runs inside a step.

    Attributes:
        text: In words.
        share: How much of it is done, from 0 to 1; None for unknown.
    """

    text: str
    share: float | None = None


def doing(line: Line) -> Doing | None:
    """Read what a step does from a line that it prints.

    Args:
        line: The line.

    Returns:
        What it does; None where the line does not say.
    """
    if not line.kind or "METRIC: {" in line.text or not line.bare.strip():
        return None
    text = visible(line.bare)[:_LONGEST]
    if found := _DBT.search(text):
        done, of = int(found[1]), int(found[2])
        node = _NODE.search(found[3])
        name = f": {node[1]}" if node else ""
        return Doing(f"{done} of {of}{name}", min(1.0, done / of) if of else None)
    if (found := _BAR.search(text)) and int(found[2]):
        share = int(found[1]) / int(found[2])
        return Doing(text.removeprefix("progress "), min(1.0, share))
    return Doing(text)


def size(count: int | None) -> str:
    """Write a number of bytes.

    Args:
        count: How many; None for unknown.

    Returns:
        Such as `45 MB`; empty for unknown.
    """
    if count is None:
        return ""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return (
        f"{value:.0f} {_UNITS[unit]}" if value >= 10 else f"{value:.2g} {_UNITS[unit]}"
    )


def amount(count: int | None) -> str:
    """Write a number of rows.

    Args:
        count: How many; None for unknown.

    Returns:
        Such as `1,200`; empty for unknown.
    """
    return "" if count is None else f"{count:,}"


def against(seconds: float | None, usual: float | None) -> str:
    """Compare a duration with what is usual.

    Args:
        seconds: How long it took.
        usual: The median of the last nights; None for unknown.

    Returns:
        Such as `+12 %` or `x 3.4`; empty where there is nothing to compare, or both are short.
    """
    if seconds is None or not usual:
        return ""
    if seconds >= 2 * usual:
        return (
            f"x {seconds / usual:.1f}"
            if seconds < 100 * usual
            else f"x {seconds / usual:.0f}"
        )
    return f"{100 * (seconds / usual - 1):+.0f} %"
