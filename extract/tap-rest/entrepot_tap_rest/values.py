"""Values of an answer: found by their path, and read strictly as their column's type."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from entrepot_tap_rest.definitions import WINDOW, Column, Definition, Kind
from entrepot_tap_rest.errors import BadAnswer

_SCHEMAS: dict[Kind, dict[str, Any]] = {
    "text": {"type": ["string", "null"]},
    "integer": {"type": ["integer", "null"]},
    "number": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "date": {"type": ["string", "null"], "format": "date"},
    "timestamp": {"type": ["string", "null"], "format": "date-time"},
    "json": {"type": ["object", "array", "string", "number", "boolean", "null"]},
}
_TEXT = {"type": "string"}
_BIGGEST = 2**63  # PostgreSQL's bigint is below


def schema(definition: Definition) -> dict[str, Any]:
    """Write a stream's JSON schema.

    Args:
        definition: The stream.

    Returns:
        The schema; keys and constants are never null.
    """
    columns = {
        name: _never_null(column.type)
        if name in definition.keys
        else _SCHEMAS[column.type]
        for name, column in definition.columns.items()
    }
    constants = dict.fromkeys(definition.constants, _TEXT)
    return {"type": "object", "properties": {**columns, **constants, WINDOW: _TEXT}}


def _never_null(kind: Kind) -> dict[str, Any]:
    told = _SCHEMAS[kind]
    return {**told, "type": [each for each in told["type"] if each != "null"]}


def at(answer: Any, path: str) -> Any:
    """Find what is at a path.

    Args:
        answer: JSON.
        path: Members separated by dots; empty for the answer itself.

    Returns:
        The value; None where there is nothing.
    """
    for name in filter(None, path.split(".")):
        answer = answer.get(name) if isinstance(answer, Mapping) else None
    return answer


def row(definition: Definition, record: Any, where: str) -> dict[str, Any]:
    """Read a record.

    Args:
        definition: Its stream.
        record: As the answer has it.
        where: What messages call it.

    Returns:
        A value by column.

    Raises:
        BadAnswer: If a value is not of its column's type, or a key has none. No value is shown.
    """
    if not isinstance(record, Mapping):
        raise BadAnswer(f"{where} is no object")
    values: dict[str, Any] = {}
    for name, column in definition.columns.items():
        found = _replaced(at(record, column.path or name), column)
        try:
            values[name] = None if found is None else _read(found, column.type)
        except (ValueError, TypeError, InvalidOperation):
            raise BadAnswer(
                f"{where}: {column.path or name} is not of type {column.type}"
            ) from None
        if values[name] is None and name in definition.keys:
            raise BadAnswer(
                f"{where}: {column.path or name} is a key, and has no value"
            )
    return {**values, **definition.constants}


def _replaced(value: Any, column: Column) -> Any:
    if isinstance(value, str):
        return column.replace.get(value, value)
    return value


def _read(value: Any, kind: Kind) -> Any:
    return _READERS[kind](value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise TypeError
    return str(value)


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    number = Decimal(str(value).strip())
    if number != number.to_integral_value() or abs(number) >= _BIGGEST:
        raise ValueError
    return int(number)


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise TypeError
    number = Decimal(str(value).strip())
    if not math.isfinite(number):
        raise ValueError
    return number


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _date(value: Any) -> str:
    return date.fromisoformat(value).isoformat()


def _timestamp(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    text = value[:-1] + "+00:00" if value.endswith("Z") else value
    return datetime.fromisoformat(text).isoformat()


def _json(value: Any) -> Any:
    json.dumps(value, default=str)
    return value


_READERS: dict[Kind, Any] = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
    "json": _json,
}
