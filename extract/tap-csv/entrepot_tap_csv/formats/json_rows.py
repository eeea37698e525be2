"""Objects of JSON as records: a list somewhere in a text, or one object on each line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import IO, Any

import ijson

from entrepot_tap_csv.definitions import JSON, JSON_LINES
from entrepot_tap_csv.errors import Misfit, shown
from entrepot_tap_csv.records import Batch
from entrepot_tap_csv.text import Text
from entrepot_tap_csv.values import NO_TEXT

_TOGETHER = 1000  # records of a batch
_LONGEST = 64 * 1024**2  # bytes of one object
_DEEPEST = 200  # lists and objects in each other
_ENTRY = "[]"
_MOST_COLUMNS = 1500  # PostgreSQL takes 1,600, some of which the target adds

Object = tuple[int, dict[str, Any]]


class _Once(dict[str, Any]):
    """An object in which no name is there twice."""

    def __setitem__(self, name: str, value: Any) -> None:
        if name in self:
            raise _Twice(name)
        super().__setitem__(name, value)


class _Twice(ValueError):
    """A name is there twice in one object."""


class _NoText(ValueError):
    """A text has a character that no text of PostgreSQL has."""


class _Counted:
    """Counts what is read of a file since its last object.

    Args:
        file: Open for reading.
        name: For errors.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = file
        self._name = name
        self.size = 0

    def read(self, size: int) -> bytes:
        """Read at most so many bytes."""
        content = self._file.read(size)
        self.size += len(content)
        if self.size > _LONGEST:
            raise Misfit(
                self._name,
                f"has more than {_LONGEST:,} bytes without a whole object: is json_path right?",
            )
        return content


def objects(file: IO[bytes], name: str, kind: str, path: str) -> Iterator[Object]:
    """Read objects.

    Args:
        file: Open for reading.
        name: For errors.
        kind: `json` or `jsonl`.
        path: Of a JSON text, the names that lead to the list, with dots between them; empty where
            the text is the list.

    Yields:
        The number of each, from 1, of its line for `jsonl`, and the object.

    Raises:
        Misfit: If the text is not JSON, or something in the list is no object.
    """
    found = _of_lines(file, name) if kind == JSON_LINES else _of_list(file, name, path)
    count = 0
    for number, value in found:
        count += 1
        if not isinstance(value, dict):
            raise Misfit(name, "the entry is no object", line=number)
        yield number, value
    if not count and kind == JSON:
        where = f"at {path!r}" if path else "at its beginning"
        raise Misfit(
            name, f"has no list of objects {where}: json_path says where it is"
        )


def _of_list(file: IO[bytes], name: str, path: str) -> Iterator[tuple[int, Any]]:
    counted = _Counted(file, name)
    try:
        events = ijson.basic_parse(counted, buf_size=64 * 1024)
        wanted = [*path.split("."), _ENTRY] if path else [_ENTRY]
        for number, value in enumerate(_entries(events, wanted), 1):
            counted.size = 0
            yield number, value
    except _Twice as error:
        raise _doubled(name, error) from None
    except RecursionError:
        raise Misfit(name, "is nested too deeply") from None
    except (ijson.JSONError, UnicodeDecodeError) as error:
        words = str(error).partition("\n")[0].strip()
        raise Misfit(name, f"is not JSON: {words}") from None


def _entries(events: Iterator[tuple[str, Any]], wanted: list[str]) -> Iterator[Any]:
    """Give the values of one list, each as soon as it is whole."""
    trail: list[str] = []  # of each container that is open, the key at hand
    value = _Value()
    for event, said in events:
        if value.is_open or (trail == wanted and event not in ("end_array", "map_key")):
            if value.takes(event, said):
                yield value.result
        elif event in ("end_map", "end_array"):
            trail.pop()
        elif event == "map_key":
            trail[-1] = said
        elif event in ("start_map", "start_array"):
            trail.append(_ENTRY if event == "start_array" else "")
            if len(trail) > _DEEPEST:
                raise RecursionError


class _Value:
    """A value made of what a parser says, piece by piece."""

    def __init__(self) -> None:
        self.result: Any = None
        self._open: list[Any] = []
        self._keys: list[str] = []

    @property
    def is_open(self) -> bool:
        """Whether more of it is to come."""
        return bool(self._open)

    def takes(self, event: str, said: Any) -> bool:
        """Take a piece; say whether the value is whole."""
        if event == "map_key":
            self._keys[-1] = said
            return False
        if event in ("start_map", "start_array"):
            self._open.append(_Once() if event == "start_map" else [])
            self._keys.append("")
            if len(self._open) > _DEEPEST:
                raise RecursionError
            return False
        if event in ("end_map", "end_array"):
            said = self._open.pop()
            self._keys.pop()
        if not self._open:
            self.result = said
            return True
        holder = self._open[-1]
        if isinstance(holder, list):
            holder.append(said)
        else:
            holder[self._keys[-1]] = said
        return False


def _of_lines(file: IO[bytes], name: str) -> Iterator[tuple[int, Any]]:
    for first, block in Text(file, name, "utf-8").blocks():
        for number, line in enumerate(block.split(b"\n"), first):
            if line.strip():
                yield number, _parsed(line, name, number)


def _parsed(line: bytes, name: str, number: int) -> Any:
    try:
        return json.loads(line, parse_float=Decimal, object_pairs_hook=_once)
    except _Twice as error:
        raise _doubled(name, error, number) from None
    except json.JSONDecodeError as error:
        raise Misfit(name, f"is not JSON: {error.msg}", line=number) from None
    except RecursionError:
        raise Misfit(name, "is nested too deeply", line=number) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = _Once()
    for name, value in pairs:
        found[name] = value
    return found


def _doubled(file: str, error: _Twice, line: int | None = None) -> Misfit:
    return Misfit(file, f"the name {error} is there twice in one object", line=line)


def names_of(found: Iterator[Object], name: str) -> list[str]:
    """Find the names that objects have.

    Args:
        found: The objects.
        name: The file's, for errors.

    Returns:
        Each name once, by its first appearance.

    Raises:
        Misfit: If there are more than a table has columns.
    """
    names: dict[str, None] = {}
    for number, value in found:
        names.update(dict.fromkeys(value))
        if len(names) > _MOST_COLUMNS:
            raise Misfit(name, "has more names than a table has columns", line=number)
    return list(names)


def batches(
    found: Iterator[Object], columns: Mapping[str, str], name: str
) -> Iterator[Batch]:
    """Give objects as records.

    Args:
        found: The objects.
        columns: Their names, and how each writes what is null or missing.
        name: The file's, for errors.

    Yields:
        Many at a time.

    Raises:
        Misfit: If an object has a new name, or is nested too deeply.
    """
    together = []
    for number, value in found:
        if new := [each for each in value if each not in columns]:
            raise Misfit(name, f"has changed meanwhile: {shown(new[0])} is new")
        try:
            cells = [_text_of(value.get(each), null) for each, null in columns.items()]
        except _NoText:
            raise Misfit(
                name,
                "a text has the character U+0000, which PostgreSQL takes in none",
                line=number,
            ) from None
        except RecursionError:
            raise Misfit(name, "is nested too deeply", line=number) from None
        together.append((number, cells))
        if len(together) >= _TOGETHER:
            yield Batch([], [], together)
            together = []
    if together:
        yield Batch([], [], together)


def _text_of(value: Any, null: str) -> str:
    """Write a value as a cell; lists and objects as JSON."""
    if isinstance(value, str):
        if NO_TEXT in value:
            raise _NoText
        return value
    return null if value is None else _dumped(value)


def _dumped(value: Any) -> str:
    """Write JSON, in which numbers stay as they were written."""
    if isinstance(value, dict):
        pairs = (
            f"{json.dumps(k, ensure_ascii=False)}: {_dumped(v)}"
            for k, v in value.items()
        )
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_dumped, value))}]"
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value, ensure_ascii=False)
