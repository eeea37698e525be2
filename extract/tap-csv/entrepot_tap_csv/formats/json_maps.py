"""A JSON object of maps as records: `{"by_month": {"2024-01": {"75": 3}}}` is (2024-01, 75, 3)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from entrepot_core.base.text import form
from entrepot_tap_csv.errors import Misfit
from entrepot_tap_csv.records import Record

LONGEST = 32 * 1024 * 1024  # bytes: it is read whole, and takes many times as much


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


def records(
    file: IO[bytes], name: str, chosen: str, depth: int, limit: int = LONGEST
) -> Iterator[Record]:
    """Read one of the maps.

    Args:
        file: Open for reading.
        name: For errors.
        chosen: Which of the object's maps.
        depth: Cells of a record: its keys, from the outside, and the value.
        limit: Bytes that the file may have.

    Yields:
        Records, numbered from 1 in the file's order; numbers as they are written.

    Raises:
        Misfit: If the file is not such an object.
    """
    text = file.read(limit + 1)
    if len(text) > limit:
        raise Misfit(
            name,
            f"has more than {limit:,} bytes, too many for one JSON text (setting "
            "max_json_bytes)",
        )
    try:
        found = json.loads(
            text, parse_int=_Number, parse_float=_Number, object_pairs_hook=_once
        )
    except UnicodeDecodeError as error:
        raise Misfit(name, "is not UTF-8", offset=error.start) from None
    except json.JSONDecodeError as error:
        raise Misfit(name, f"is not JSON: {error.msg}", line=error.lineno) from None
    except RecursionError:
        raise Misfit(name, "its objects or lists are nested too deeply") from None
    except _Twice as error:
        raise Misfit(
            name, f"a key that looks like {error} is there twice in one object"
        ) from None
    if not isinstance(found, dict) or chosen not in found:
        there = ", ".join(found) if isinstance(found, dict) else "no object"
        raise Misfit(name, f"has no map {chosen!r}; there is {there or 'nothing'}")
    rows = _rows(found[chosen], [], depth, name, chosen)
    yield from enumerate(rows, 1)


class _Twice(ValueError):
    """A key stands twice in one object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        raise _Twice(next(form(key) for key in names if names.count(key) > 1))
    return found


def _rows(
    value: Any, keys: list[str], depth: int, name: str, chosen: str
) -> Iterator[list[str]]:
    where = ".".join([chosen, *keys])
    if len(keys) == depth - 1:
        if value is None:
            value = ""
        if not isinstance(value, str):
            kinds = {dict: "an object", list: "a list", bool: "true or false"}
            raise Misfit(name, f"{where} is {kinds[type(value)]}, a value is needed")
        yield [*keys, str(value)]
        return
    if not isinstance(value, dict):
        raise Misfit(name, f"{where} is no object: a map is needed there")
    for key, inner in value.items():
        yield from _rows(inner, [*keys, key], depth, name, chosen)
