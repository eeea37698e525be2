"""Addresses that are made from a variable: of a night's report, and of the heartbeat's signals."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit, urlunsplit

Signal = Literal["start", "", "fail"]


def report(base: str | None, night: int | None) -> str | None:
    """Say where a night's report can be read.

    Args:
        base: REPORT_URL: where the folder of the reports is served.
        night: The night's number.

    Returns:
        The address; None where nobody has said.
    """
    if not base or not night:
        return None
    return _below(base, f"night-{night}.html")


def heartbeat(base: str, signal: Signal) -> str:
    """Say where a signal goes.

    Args:
        base: HEARTBEAT_URL.
        signal: `start`, `fail`, or empty for success, as healthchecks has them.

    Returns:
        The address.
    """
    return _below(base, signal) if signal else base


def _below(base: str, name: str) -> str:
    parts = urlsplit(base)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{name}"))
