"""Values of the learning content: read strictly, and derived as the tables have them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Read = Callable[[Any], Any]

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d{1,9})?"
    r"(?:Z|[+-](?:0\d|1[0-5])(?::?[0-5]\d)?)?)?"
)
_SMALLEST, _GREATEST = -(2**15), 2**15 - 1
_PLACES = Decimal("0.00001")


class Misfit(Exception):
    """A value that does not fit its type; the message says what the type wants."""


def text(value: Any) -> str | None:
    """Read a text; a number counts as its text.

    Args:
        value: As the JSON has it.

    Returns:
        The text; None where there is none.

    Raises:
        Misfit: If it is something else, or holds what PostgreSQL's text cannot.
    """
    value = _first(value)
    if value is None:
        return None
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise Misfit("a text is wanted")
    if "\0" in value:
        raise Misfit(
            "it holds a NUL character or half of a surrogate pair, which PostgreSQL's text cannot "
            "hold"
        )
    return value


def texts(value: Any) -> list[str | None] | None:
    """Read a list of texts.

    Args:
        value: As the JSON has it.

    Returns:
        The texts; None where there is no list.

    Raises:
        Misfit: If it is no list, or an element is no text.
    """
    if value is None:
        return None
    if not isinstance(value, list):
        raise Misfit("a list of texts is wanted")
    if any(isinstance(each, list) for each in value):
        raise Misfit("a list of texts is wanted, not of lists")
    return [text(each) for each in value]


def numeric(value: Any) -> int | float | str | None:
    """Read a number of any size; it is written so that no digit is lost.

    Args:
        value: As the JSON has it.

    Returns:
        The number, as text where a float would lose digits; None where there is none.

    Raises:
        Misfit: If it is no number.
    """
    number = _number(_first(value))
    if number is None:
        return None
    if number == number.to_integral_value() and abs(number) < 2**53:
        return int(number)
    return float(number) if Decimal(repr(float(number))) == number else str(number)


def numeric_6_5(value: Any) -> int | float | str | None:
    """Read a number that fits numeric(6,5).

    Args:
        value: As the JSON has it.

    Returns:
        The number, as text where a float would lose digits; None where there is none.

    Raises:
        Misfit: If it is no number, or 10 or more once it is rounded to five decimals.
    """
    number = _number(_first(value))
    if number is None:
        return None
    if abs(number) >= 10 or abs(number.quantize(_PLACES, ROUND_HALF_UP)) >= 10:
        raise Misfit("numeric(6,5) is wanted, which is less than 10")
    return numeric(value)


def smallint(value: Any) -> int | None:
    """Read a whole number of 16 bits.

    Args:
        value: As the JSON has it.

    Returns:
        The number; None where there is none.

    Raises:
        Misfit: If it is no such number.
    """
    number = _number(_first(value))
    if number is None:
        return None
    is_whole = number == number.to_integral_value()
    if not is_whole or not _SMALLEST <= number <= _GREATEST:
        raise Misfit(f"a whole number from {_SMALLEST} to {_GREATEST} is wanted")
    return int(number)


def boolean(value: Any) -> bool:
    """Read a boolean, which is always there.

    Args:
        value: As the JSON has it.

    Returns:
        The boolean.

    Raises:
        Misfit: If it is missing or something else.
    """
    value = _first(value)
    if not isinstance(value, bool):
        raise Misfit("true or false is wanted")
    return value


def timestamptz(value: Any) -> str | None:
    """Read a moment; without a zone it is of UTC.

    Args:
        value: As the JSON has it.

    Returns:
        The moment in the LCMS's own spelling; None where there is none.

    Raises:
        Misfit: If it is no moment as ISO 8601 writes it.
    """
    value = _first(value)
    if value is None:
        return None
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    try:
        if found:
            datetime.fromisoformat(f"{found[1]}T{found[2] or '00:00'}")
            return found[0]
    except ValueError:
        pass
    raise Misfit("a moment is wanted, such as 2024-01-31T12:00:00.000Z")


def truthy(value: Any) -> bool:
    """Say whether JavaScript, in which the LCMS is written, takes a value for true.

    Args:
        value: As the JSON has it.

    Returns:
        Whether it does.
    """
    if isinstance(value, (list, dict)):
        return True
    return bool(value)


def one(value: Any) -> list[Any]:
    """Make a list of what may be there.

    Args:
        value: As the JSON has it.

    Returns:
        The value alone; an empty list for none.
    """
    return [] if value is None else [value]


def in_french(value: Any) -> Any:
    """Take the French text out of a text in several languages.

    Args:
        value: An object whose keys are languages.

    Returns:
        The text, unread.

    Raises:
        Misfit: If it is missing or no object.
    """
    if not isinstance(value, dict):
        raise Misfit("an object with a text by language is wanted")
    return value.get("fr")


def _first(value: Any) -> Any:
    """Take the first element, where a single value is wanted and a list has come."""
    if isinstance(value, list):
        return value[0] if value else None
    return value


def _number(value: Any) -> Decimal | None:
    if value is None:
        return None
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    raise Misfit("a number is wanted")
