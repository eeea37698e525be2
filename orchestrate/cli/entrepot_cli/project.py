"""The project that `entrepot` works on: its folder, and its `.env`, as Meltano reads it."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Original, parse_stream

from entrepot_core.base.errors import Refused

MAIN_FILE = "meltano.yml"
_ROOT = "MELTANO_PROJECT_ROOT"


def find_root(here: Path) -> Path:
    """Find the project's folder.

    Args:
        here: The current folder.

    Returns:
        What MELTANO_PROJECT_ROOT says; else the nearest folder upwards that is a project; else
        the one in whose environment this command is installed; else the current folder.
    """
    if given := os.environ.get(_ROOT):
        return Path(given).resolve()
    own = Path(sys.prefix).parent
    for folder in (here, *here.parents, own):
        if (folder / MAIN_FILE).is_file():
            return folder
    return here


def environment(root: Path, file: Path | None) -> dict[str, str]:
    """Build the environment of a verb: this process's own, then what `.env` says.

    Args:
        root: The project's folder.
        file: The file of settings; `.env` of the project, if there is one, when None.

    Returns:
        The variables.

    Raises:
        Refused: If the file cannot be read, with the line.
    """
    path = file or root / ".env"
    said = _read(path) if file or path.exists() else {}
    variables = {**said, **os.environ, _ROOT: str(root)}
    # One clock on every screen: that of the schedule.
    variables.setdefault("TZ", variables.get("CRON_TZ") or _default_zone())
    return variables


def _read(path: Path) -> Mapping[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Refused([f"{path}: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise Refused([f"{path}, line {line}: this is not UTF-8"]) from None
    problems = [
        f"{path}, line {_line(one.original)}: write it as NAME=value, with a value of several"
        " words in quotes"
        for one in parse_stream(io.StringIO(text))
        if one.error
    ]
    if problems:
        raise Refused(problems)
    found = dotenv_values(stream=io.StringIO(text))
    return {name: value for name, value in found.items() if value is not None}


def _line(original: Original) -> int:
    """Say where a statement begins: the parser counts the empty lines before it to it."""
    text = original.string
    return original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _default_zone() -> str:
    from entrepot_core.config.variables import all_variables

    return next(each.default for each in all_variables() if each.name == "CRON_TZ")
