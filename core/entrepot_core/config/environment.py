"""Environment variables, read into models so that all that is wrong is said together."""

from __future__ import annotations

import os
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

FROM_ENVIRONMENT = SettingsConfigDict(
    case_sensitive=True,
    env_ignore_empty=True,  # Meltano expands a missing variable to an empty string
    extra="ignore",
    hide_input_in_errors=True,  # an invalid URL still holds its password
)

_Model = TypeVar("_Model", bound=BaseSettings)


def read(model: type[_Model]) -> tuple[_Model | None, list[str]]:
    """Read a model's variables.

    Args:
        model: With one alias, the variable's name, for each field.

    Returns:
        The values, None when something is wrong; and one sentence for each problem.
    """
    try:
        return model(), []
    except ValidationError as error:
        return None, [sentence(item) for item in error.errors(include_input=False)]


def read_in_part(model: type[_Model]) -> tuple[_Model | None, list[str]]:
    """Read a model's variables as if those that are wrong were not set.

    Args:
        model: With one alias, the variable's name, for each field.

    Returns:
        The values, None when one that is wrong is necessary; and one sentence for each problem.
    """
    try:
        return model(), []
    except ValidationError as error:
        found = error.errors(include_input=False)
    wrong = {str(item["loc"][0]) for item in found if item["loc"]}
    set_aside = {name: os.environ.pop(name) for name in wrong & os.environ.keys()}
    try:
        return read(model)[0], [sentence(item) for item in found]
    finally:
        os.environ.update(set_aside)


def sentence(error: Any) -> str:
    """Say one validation error as an operator would want to read it.

    Args:
        error: One of pydantic's `ValidationError.errors()`.

    Returns:
        A sentence that begins with the variable's name, and holds no value.
    """
    if not error["loc"]:  # it concerns several variables, and names them
        return str(error["msg"]).removeprefix("Value error, ")
    variable = str(error["loc"][0])
    place = "".join(f"[{part}]" for part in error["loc"][1:])
    if error["type"] == "missing" and not place:
        return f"{variable} is missing: see .env.example"
    message = error["msg"].removeprefix("Value error, ")
    return f"{variable}{place} {message[0].lower()}{message[1:]}"
