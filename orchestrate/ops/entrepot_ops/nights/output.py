"""Where the steps' output goes: a log file that is rotated, and never a secret."""

from __future__ import annotations

import logging
import logging.handlers
import sys
import time
from contextlib import suppress
from pathlib import Path

from entrepot_core.base.redaction import redact
from entrepot_core.base.text import visible

_BYTES, _FILES = 10_000_000, 10


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
            The line as it may be shown: without secrets.
        """
        clean = visible(redact(line))
        when = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        record = logging.makeLogRecord({"msg": f"{when} [{step}] {clean}"})
        self._handler.emit(record)
        if self._echo:
            with suppress(OSError):  # nobody listens any more
                print(f"[{step}] {clean}", file=sys.stderr, flush=True)
        return clean

    def close(self) -> None:
        """Close the file."""
        self._handler.close()
