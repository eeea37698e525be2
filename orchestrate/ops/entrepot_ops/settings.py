"""The environment variables of `ops`, read and validated together before any work starts."""

from __future__ import annotations

import os
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from pg_replica import logs
from pg_replica.errors import Refused
from pg_replica.redaction import redact
from pg_replica.settings import password_of

_SECRET_NAMES = ("SECRET", "TOKEN", "PASSWORD", "ACCESS_KEY", "API_KEY", "DSN")
_SHORTEST_LINE = 6  # of a secret of several lines, which tools print line by line


class VerbSettings(BaseSettings):
    """What the variables of every verb have in common; each verb declares its own fields."""

    model_config = SettingsConfigDict(
        case_sensitive=True,
        env_ignore_empty=True,  # Meltano expands a missing variable to an empty string
        extra="ignore",
        hide_input_in_errors=True,  # an invalid URL still holds its password
    )


Verb = TypeVar("Verb", bound=VerbSettings)


def load(kind: type[Verb], log_format: str | None = None) -> Verb:
    """Read a verb's variables.

    Args:
        kind: The class that declares them.
        log_format: `--log-format`; the variable `LOG_FORMAT` when None.

    Returns:
        The variables; the redactor knows every secret of the environment.

    Raises:
        Refused: With every wrong or missing variable at once.
    """
    hide_environment()
    _set_up_logs(log_format)
    try:
        return kind()
    except ValidationError as error:
        problems = [_sentence(one) for one in error.errors(include_input=False)]
        raise Refused(problems) from None


def hide_environment() -> None:
    """Teach the redactor every secret that the environment holds, whoever reads it."""
    for name, value in os.environ.items():
        if value and any(part in name for part in _SECRET_NAMES):
            _hide(value)
        if "://" in value:
            _hide(_password(value))


def _password(url: str) -> str | None:
    if url.startswith(("postgres://", "postgresql://")):
        return password_of(url)
    try:
        password = urlsplit(url).password
    except ValueError:
        return None
    return unquote(password) if password else None


def _hide(secret: str | None) -> None:
    redact.hide(secret)
    for line in (secret or "").splitlines():
        if len(line) >= _SHORTEST_LINE:
            redact.hide(line)


def _set_up_logs(log_format: str | None) -> None:
    wanted = log_format or os.environ.get("LOG_FORMAT") or "plain"
    if wanted not in ("plain", "json"):
        raise Refused(["LOG_FORMAT should be plain or json"])
    logs.set_up(wanted)


def _sentence(error: dict) -> str:
    """Say one validation error as an operator would want to read it."""
    variable = str(error["loc"][0]) if error["loc"] else "the environment"
    place = "".join(f"[{part}]" for part in error["loc"][1:])
    if error["type"] == "missing" and not place:
        return f"{variable} is missing: see .env.example"
    message = error["msg"].removeprefix("Value error, ")
    return f"{variable}{place} {message[0].lower()}{message[1:]}"
