"""Where the steps' output goes: a log file that is rotated, and never a secret."""

from __future__ import annotations

import json
import logging
import logging.handlers
import re
import sys
import time
from pathlib import Path

from pg_replica.redaction import redact

_BYTES, _FILES = 10_000_000, 10
# A tap's line in the log of `meltano run`: what the SDK counts, or our tap of each batch.
_TAP_LINE = re.compile(r"\] tap-\S+\s+(.*)")
_METRIC = re.compile(r"METRIC: (\{.*\})")
_BATCH = re.compile(r"\S+: (\d+) rows\b")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class OutputLog:
    """Takes the output of steps."""

    def __init__(self, folder: Path, name: str, *, echo: bool = False) -> None:
        """Open the log.

        Args:
            folder: Where; made if it is missing.
            name: The file, without its ending.
            echo: Whether lines also go to standard error.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{name}.log"
        self._handler = logging.handlers.RotatingFileHandler(
            self.path,
            maxBytes=_BYTES,
            backupCount=_FILES,
            encoding="utf-8",
            errors="replace",
        )
        self._echo = echo

    def write(self, step: str, line: str) -> str:
        """Write one line.

        Args:
            step: The step that printed it.
            line: As printed.

        Returns:
            The line as it may be shown: without colours and secrets.
        """
        clean = redact(_COLOURS.sub("", line))
        when = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        record = logging.makeLogRecord({"msg": f"{when} [{step}] {clean}"})
        self._handler.emit(record)
        if self._echo:
            print(f"[{step}] {clean}", file=sys.stderr, flush=True)
        return clean

    def close(self) -> None:
        """Close the file."""
        self._handler.close()


def records_in(line: str) -> int:
    """Read how many records a tap says that it has emitted.

    Args:
        line: Of its output.

    Returns:
        Records; 0 when the line does not say.
    """
    said = _TAP_LINE.search(line)
    if said is None:
        return 0
    if batch := _BATCH.match(said.group(1)):
        return int(batch.group(1))
    metric = _METRIC.search(said.group(1))
    try:
        counted = json.loads(metric.group(1)) if metric else {}
    except ValueError:
        return 0
    is_records = counted.get("metric") == "record_count"
    return int(counted["value"]) if is_records else 0
