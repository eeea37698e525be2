"""Where the steps' output goes: a log file that is rotated, and never a secret."""

from __future__ import annotations

import logging
import logging.handlers
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from entrepot_core.base.logs import LOGGER_NAME
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

    def keep(self, step: str, line: str) -> str:
        """Write one line to the file alone.

        Args:
            step: Who says it.
            line: As said.

        Returns:
            The line as it may be shown: without secrets.
        """
        clean = visible(redact(line))
        when = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        record = logging.makeLogRecord({"msg": f"{when} [{step}] {clean}"})
        self._handler.emit(record)
        return clean

    def write(self, step: str, line: str) -> str:
        """Write one line.

        Args:
            step: The step that printed it.
            line: As printed.

        Returns:
            The line as it may be shown: without secrets.
        """
        clean = self.keep(step, line)
        if self._echo:
            with suppress(OSError):  # nobody listens any more
                print(f"[{step}] {clean}", file=sys.stderr, flush=True)
        return clean

    @contextmanager
    def of_the_log(self) -> Iterator[None]:
        """Keep what the log says, too, while this holds."""
        logger = logging.getLogger(LOGGER_NAME)
        handler = _Kept(self)
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)

    def close(self) -> None:
        """Close the file."""
        self._handler.close()


class _Kept(logging.Handler):
    """Writes what `ops` itself says."""

    def __init__(self, output: OutputLog) -> None:
        super().__init__(logging.INFO)
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line.

        Args:
            record: What the log says.
        """
        level = (
            "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        )
        self._output.keep("ops", f"{level}{record.getMessage()}")
