"""Records as lines of COPY's text format; PostgreSQL's own input functions read the values."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import simplejson

from entrepot_target_postgres.errors import CannotLoad

_NULL = r"\N"
_SPECIAL = re.compile(r"[\\\n\r\t]")
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"})
Writer = Callable[[Any], str]


@dataclass(frozen=True)
class Landing:
    """A column as the server has made it.

    Attributes:
        name: The column's.
        type: As `format_type` spells it.
        is_json: Whether it is `json`, `jsonb` or a domain over them.
        element_is_json: For an array, whether its elements are; None when it is no array.
        delimiter: What stands between two elements in an array's text.
    """

    name: str
    type: str
    is_json: bool
    element_is_json: bool | None
    delimiter: str


class Encoder:
    """Writes the records of one stream.

    Args:
        stream: The stream's name, for errors.
        columns: In the order of the COPY.
        drops_nul: Whether NUL characters, which PostgreSQL cannot hold, are left out of
            texts; otherwise they are an error.
    """

    def __init__(
        self, stream: str, columns: list[Landing], *, drops_nul: bool = False
    ) -> None:
        self._stream = stream
        self._drops_nul = drops_nul
        self._writers = [(column.name, _writer(column)) for column in columns]

    def line(self, record: dict[str, Any]) -> bytes:
        """Write a record.

        Args:
            record: Values by column; a missing one is NULL.

        Returns:
            The line, in UTF-8.

        Raises:
            CannotLoad: If a text holds what PostgreSQL cannot; it names the column.
        """
        if self._drops_nul:
            record = _without_nul(record)
        fields = []
        for name, write in self._writers:
            value = record.get(name)
            if value is None:
                fields.append(_NULL)
                continue
            text = write(value)
            if "\0" in text:
                raise CannotLoad(
                    f"stream {self._stream}, column {name}: a NUL character (0x00), which "
                    "PostgreSQL cannot hold: have the tap remove it, or set "
                    "sanitize_null_text_characters"
                )
            fields.append(text.translate(_ESCAPES) if _SPECIAL.search(text) else text)
        try:
            return ("\t".join(fields) + "\n").encode()
        except UnicodeEncodeError:
            raise self._no_unicode(record) from None

    def _no_unicode(self, record: dict[str, Any]) -> CannotLoad:
        for name, write in self._writers:
            try:
                value = record.get(name)
                (write(value) if value is not None else "").encode()
            except UnicodeEncodeError:
                break
        return CannotLoad(
            f"stream {self._stream}, column {name}: half of a surrogate pair, which is no character"
        )


def _writer(column: Landing) -> Writer:
    if column.is_json:
        return _json
    if column.element_is_json is None:
        return text_of
    element = _json if column.element_is_json else text_of
    nests = not column.element_is_json

    def write(value: Any) -> str:
        if isinstance(value, list):
            return _array(value, element, column.delimiter, nests=nests)
        return text_of(value)

    return write


def text_of(value: Any) -> str:
    """Write a value as PostgreSQL's input functions read it.

    Args:
        value: As JSON, or a stream map, gives it.

    Returns:
        The text.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return _json(value)
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return str(value)


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_without_nul(each) for each in value]
    if isinstance(value, dict):
        return {name: _without_nul(each) for name, each in value.items()}
    return value


def _json(value: Any) -> str:
    text: str = simplejson.dumps(
        value, use_decimal=True, ensure_ascii=False, default=str
    )
    return text


def _array(values: list[Any], element: Writer, delimiter: str, *, nests: bool) -> str:
    parts = []
    for value in values:
        if value is None:
            parts.append("NULL")
        elif nests and isinstance(value, list):
            parts.append(_array(value, element, delimiter, nests=True))
        else:
            text = element(value).replace("\\", "\\\\").replace('"', '\\"')
            parts.append(f'"{text}"')
    return "{" + delimiter.join(parts) + "}"
