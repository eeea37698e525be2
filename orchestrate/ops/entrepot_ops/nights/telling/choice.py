"""Who tells of a night: by what is at the other end, and what was asked for."""

from __future__ import annotations

import os

from rich.console import Console

from entrepot_ops.nights.telling.base import Teller
from entrepot_ops.nights.telling.lines import Lines
from entrepot_ops.nights.telling.live import LiveTable
from entrepot_ops.nights.telling.stream import Stream


def choose(*, as_json: bool, verbose: bool, log_format: str | None) -> Teller:
    """Choose how a night is told.

    Args:
        as_json: Whether programs listen to standard output.
        verbose: Whether the output of the steps is shown too.
        log_format: `--log-format`, else LOG_FORMAT.

    Returns:
        A live table where standard error is a terminal that can show it, else lines.
    """
    if as_json:
        return Stream()
    console = Console(stderr=True)
    wants_json = (log_format or os.environ.get("LOG_FORMAT")) == "json"
    is_plain = verbose or wants_json or console.is_dumb_terminal
    return Lines() if is_plain or not console.is_terminal else LiveTable(console)
