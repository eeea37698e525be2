"""Configuration of the Singer plugins: files, as the SDK and Meltano give them, and variables.

Meltano hands its own environment on, but does not read a setting from a variable of another name.
"""

from __future__ import annotations

import json
import os
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

from entrepot_core.base.errors import Refused

_NUMBERS = ("network_timeout", "shrink_limit")
_NUMBER = re.compile(r"\d+(\.\d+)?")
_WORDS = {"accept_shrink": {"true": True, "false": False}}
_CONFIG, _STATE = "--config", "--state"


def loaded(config: Any) -> dict[str, Any]:
    """Read a plugin's configuration.

    Args:
        config: A dictionary, one path, several paths of which the last wins, or None.

    Returns:
        All of it.
    """
    if config is None or isinstance(config, dict):
        return dict(config or {})
    paths = [config] if isinstance(config, (str, Path)) else config
    merged: dict[str, Any] = {}
    for path in paths:
        merged.update(json.loads(Path(path).read_text(encoding="utf-8")))
    return merged


def from_variables(names: dict[str, str]) -> dict[str, Any]:
    """Read settings from the project's own variables.

    Args:
        names: The variable of each setting.

    Returns:
        Those that are set and not empty; numbers, true and false as such.
    """
    found = {name: os.environ.get(variable, "") for name, variable in names.items()}
    return {name: _parsed(name, text) for name, text in found.items() if text}


def _parsed(name: str, text: str) -> Any:
    """Give a number or a truth for the text that says it; what says neither is refused later."""
    if name in _NUMBERS and _NUMBER.fullmatch(text):
        return json.loads(text)
    return _WORDS.get(name, {}).get(text.lower(), text)


def check_state(arguments: list[str]) -> None:
    """Refuse a damaged state before anything is done.

    Args:
        arguments: Of a plugin's command; `--state` names the file.

    Raises:
        Refused: If the file is not a JSON object with bookmarks by stream.
    """
    for path in _values(arguments, _STATE):
        advice = (
            "restore it from a backup, or remove the state of this pipeline (meltano state "
            "clear): streams are then read again, and no row is lost"
        )
        try:
            state = json.loads(Path(path).read_text(encoding="utf-8") or "{}")
        except json.JSONDecodeError as error:
            problem = (
                f"the state file {path} is not JSON (line {error.lineno}, column "
                f"{error.colno}: {error.msg}): {advice}"
            )
            raise Refused([problem]) from None
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(
                [f"the state file {path} cannot be read: {error}: {advice}"]
            ) from None
        bookmarks = state.get("bookmarks", {}) if isinstance(state, dict) else None
        if not isinstance(bookmarks, dict) or not all(
            isinstance(each, dict) for each in bookmarks.values()
        ):
            raise Refused([f"the state file {path} holds no bookmarks: {advice}"])


def _values(arguments: list[str], option: str) -> list[str]:
    """Give the values of an option, in both of its spellings."""
    apart = [value for name, value in pairwise(arguments) if name == option]
    joined = [
        each.partition("=")[2] for each in arguments if each.startswith(f"{option}=")
    ]
    return apart + joined


def domain(arguments: list[str]) -> list[str]:
    """Find the domain of a plugin, before anything else of it is looked at.

    Args:
        arguments: Of its command: the files of `--config` may have a setting `domain`.

    Returns:
        That one, or none.
    """
    paths = [path for path in _values(arguments, _CONFIG) if path != "ENV"]
    found = loaded([path for path in paths if Path(path).is_file()]).get("domain")
    return [found] if found else []
