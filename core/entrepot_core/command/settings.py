"""The variables of one verb, read and validated together before any work starts."""

from __future__ import annotations

import os
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from entrepot_core.base import logs
from entrepot_core.base.errors import Refused
from entrepot_core.command.secrets import hide_environment
from entrepot_core.config.environment import FROM_ENVIRONMENT, sentence


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


def _set_up_logs(log_format: str | None) -> None:
    wanted = log_format or os.environ.get("LOG_FORMAT") or "plain"
    if wanted not in ("plain", "json"):
        raise Refused(["LOG_FORMAT should be plain or json"])
    logs.set_up(wanted)
