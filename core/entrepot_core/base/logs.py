"""Log lines: plain for people and cron mails, JSON for machines; never a secret."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timezone

from entrepot_core.base.redaction import redact
from entrepot_core.base.text import visible

LOGGER_NAME = "pg_replica"
_FIELDS = "fields"


class _JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, event and the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        return visible(redact(json.dumps(line, default=str, ensure_ascii=False)))


class _PlainFormatter(logging.Formatter):
    """Time, level when it matters, the sentence, then key=value."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        level = (
            "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        )
        fields = "".join(
            f" {key}={value}" for key, value in getattr(record, _FIELDS, {}).items()
        )
        return visible(redact(f"{time} {level}{record.getMessage()}{fields}"))


def set_up(log_format: str) -> None:
    """Send the package's log to standard error.

    Args:
        log_format: `plain` or `json`.
    """
    hush()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _JsonFormatter() if log_format == "json" else _PlainFormatter()
    )
    logger = logging.getLogger(LOGGER_NAME)
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def hush() -> None:
    """Silence urllib3, which logs whole URLs when it tries again: they may hold a token."""
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def event(sentence: str, level: int = logging.INFO, **fields: object) -> None:
    """Log one thing that happened.

    Args:
        sentence: What happened.
        level: As in the `logging` module.
        **fields: Its figures and names.
    """
    logging.getLogger(LOGGER_NAME).log(level, sentence, extra={_FIELDS: fields})
