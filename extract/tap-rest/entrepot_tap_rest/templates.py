"""Texts with variables of the environment, and with what changes from request to request."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from entrepot_core.base.redaction import redact
from entrepot_tap_rest.errors import WrongDefinition

_VARIABLE = re.compile(r"\{([A-Z][A-Z0-9_]*)(:int)?\}")
_PLACE = re.compile(r"\{(start|end|page|size)\}")
_SECRET = re.compile("KEY|TOKEN|SECRET|PASSWORD")


def with_variables(value: Any) -> Any:
    """Replace `{VARIABLE}` in every text by what the environment says; secrets are hidden.

    A text that is nothing but `{VARIABLE:int}` becomes a number.

    Args:
        value: A text, or a list or mapping that holds texts.

    Returns:
        The same, replaced.

    Raises:
        WrongDefinition: With each variable that is missing, or no number.
    """
    missing: set[str] = set()
    wrong: set[str] = set()

    def number(text: str) -> Any:
        match = _VARIABLE.fullmatch(text)
        filled = _filled(text, missing)
        if match is None or not match[2] or not filled:
            return filled
        if not filled.isdecimal():
            wrong.add(f"{match[1]} must be a whole number")
            return 0
        return int(filled)

    replaced = _each_text(value, number)
    if missing or wrong:
        absent = [f"{name} is missing: see .env.example" for name in sorted(missing)]
        raise WrongDefinition(absent + sorted(wrong))
    return replaced


def _filled(text: str, missing: set[str]) -> str:
    def found(match: re.Match[str]) -> str:
        value = os.environ.get(match[1], "")
        if not value:
            missing.add(match[1])
        if _SECRET.search(match[1]):
            redact.hide(value)
        return value

    return _VARIABLE.sub(found, text)


def with_places(value: Any, places: Mapping[str, Any]) -> Any:
    """Replace `{start}`, `{end}`, `{page}` and `{size}`.

    Args:
        value: A text, or a list or mapping that holds texts.
        places: What stands for each; a text that is nothing else becomes the value itself.

    Returns:
        The same, replaced.
    """

    def placed(text: str) -> Any:
        if (whole := _PLACE.fullmatch(text)) and whole[1] in places:
            return places[whole[1]]
        return _PLACE.sub(lambda m: str(places.get(m[1], m[0])), text)

    return _each_text(value, placed)


def _each_text(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {name: _each_text(each, change) for name, each in value.items()}
    if isinstance(value, list):
        return [_each_text(each, change) for each in value]
    return value
