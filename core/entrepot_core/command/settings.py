"""The variables of one verb, read and validated together before any work starts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from entrepot_core.base import logs
from entrepot_core.base.errors import Refused
from entrepot_core.base.redaction import redact
from entrepot_core.config.environment import FROM_ENVIRONMENT, sentence
from entrepot_core.postgres.urls import password_of

_SECRET_NAMES = ("SECRET", "TOKEN", "PASSWORD", "ACCESS_KEY", "API_KEY", "DSN")
_SHORTEST_LINE = 6  # of a secret of several lines, which tools print line by line


class VerbSettings(BaseSettings):
    """What the variables of every verb have in common; each verb declares its own fields."""

    model_config = FROM_ENVIRONMENT


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
        problems = [sentence(one) for one in error.errors(include_input=False)]
        raise Refused(problems) from None


def hide_environment(variables: Mapping[str, str] = os.environ) -> None:
    """Teach the redactor every secret that variables hold, whoever reads them.

    Args:
        variables: By name.
    """
    for name, value in variables.items():
        if value and any(part in name for part in _SECRET_NAMES):
            _hide(value)
        if "://" in value:
            _hide(_password(value))
    _hide_receivers(variables.get("NOTIFICATIONS") or "[]")


def _hide_receivers(text: str) -> None:
    try:
        receivers = json.loads(text)
        for receiver in receivers:
            _hide(receiver.get("token"))
            # Of a webhook, path and query are what lets one post there.
            _hide(urlsplit(receiver["url"]).path.strip("/"))
            _hide(urlsplit(receiver["url"]).query)
    except (ValueError, AttributeError, TypeError, KeyError):
        return  # the settings' validation says what is wrong with it


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
