"""Configuration of the Singer plugins: files, as the SDK and Meltano give them, and variables.

Meltano hands its own environment on, but does not read a setting from a variable of another name.
"""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

_NUMBERS = ("network_timeout",)
_CONFIG = "--config"


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
        Those that are set and not empty; whole numbers as such.
    """
    found = {name: os.environ.get(variable, "") for name, variable in names.items()}
    return {
        name: int(text) if name in _NUMBERS and text.isdecimal() else text
        for name, text in found.items()
        if text
    }


def domain(arguments: list[str]) -> list[str]:
    """Find the domain of a plugin, before anything else of it is looked at.

    Args:
        arguments: Of its command: the files of `--config` may have a setting `domain`.

    Returns:
        That one, or none.
    """
    paths = [
        path for name, path in pairwise(arguments) if name == _CONFIG and path != "ENV"
    ]
    paths += [
        each.partition("=")[2] for each in arguments if each.startswith(f"{_CONFIG}=")
    ]
    found = loaded([path for path in paths if Path(path).is_file()]).get("domain")
    return [found] if found else []
