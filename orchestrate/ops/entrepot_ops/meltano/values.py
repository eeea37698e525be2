"""Values that other programs wrote, each turned into one type that the record can hold."""

from __future__ import annotations

import json
import math
from typing import Any

from entrepot_core.base.text import storable

_LARGEST = 2**63 - 1  # PostgreSQL's bigint
_DIGITS = 4000  # more make no number of Python's


def json_object(text: str) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        text: Any text.

    Returns:
        The object; an empty one where the text is none.
    """
    try:
        found = json.loads(text, parse_int=_integer)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < _DIGITS else math.inf


def count(value: object) -> int | None:
    """Read a count.

    Args:
        value: Anything.

    Returns:
        A whole number from 0 to the largest that PostgreSQL holds; None for all else.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not value.is_integer():
        return None
    return int(value) if 0 <= value <= _LARGEST else None


def seconds(value: object) -> float:
    """Read a duration.

    Args:
        value: Anything.

    Returns:
        Seconds, finite and not negative; 0 for all else.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0.0
    try:
        given = float(value)
    except OverflowError:
        return 0.0
    return given if math.isfinite(given) and given >= 0 else 0.0


def text(value: object, longest: int) -> str | None:
    """Read a text.

    Args:
        value: Anything.
        longest: Characters to keep.

    Returns:
        A text that PostgreSQL can hold; None for nothing and for an empty one.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        value = json.dumps(value, default=str)
    return storable(value[:longest])


def exit_status(value: object) -> int | None:
    """Read a process's exit status.

    Args:
        value: Anything.

    Returns:
        The status; None where it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if -256 < value < 256 else None
