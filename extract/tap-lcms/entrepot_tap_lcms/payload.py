"""The answer's body, read piece by piece: one JSON object, a list of records by stream."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import IO, Any

import ijson
from ijson.common import ObjectBuilder

from entrepot_tap_lcms.client import Answer
from entrepot_tap_lcms.errors import BadContent
from entrepot_tap_lcms.surrogates import WithoutHalves

_BEGIN = 1024  # bytes
_DEEPEST = 100  # objects and lists inside each other
_LARGEST = 1_000_000  # values of one record
_SHOWN = 80  # characters of a name in a message
_OPEN, _CLOSE = ("start_map", "start_array"), ("end_map", "end_array")
Events = Iterator[tuple[str, Any]]


def records(answer: Answer, wanted: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Read the records of the streams that are wanted; all else is passed over.

    Args:
        answer: The whole answer.
        wanted: The streams' names.

    Yields:
        A stream's name and one of its records.

    Raises:
        BadContent: If it is not JSON, no object, or a stream is missing, twice there or no list.
    """  # noqa: DOC501 -- a function makes the BadContent
    try:
        yield from _records(_events(answer.file), wanted, answer)
    except (ijson.JSONError, UnicodeDecodeError):
        raise _broken(answer) from None


def _events(file: IO[bytes]) -> Events:
    return iter(ijson.basic_parse(WithoutHalves(file)))


def _records(
    events: Events, wanted: Collection[str], answer: Answer
) -> Iterator[tuple[str, Any]]:
    kind, _ = next(events)
    if kind != "start_map":
        raise BadContent(
            f"{answer.shown}: the answer is no JSON object{_called(answer)}"
        )
    seen: set[str] = set()
    for kind, name in events:
        if kind == "end_map":
            break
        first = next(events)
        if name not in wanted:
            _pass_over(first, events, name)
            continue
        if name in seen:
            raise BadContent(f"{answer.shown}: stream {name} is there twice")
        seen.add(name)
        if first[0] != "start_array":
            raise BadContent(f"{answer.shown}: stream {name} is no list of records")
        for element in _elements(events, name):
            yield name, element
    for _ in events:
        pass  # what follows the object is no JSON, and is told
    if missing := [name for name in wanted if name not in seen]:
        raise BadContent(
            f"{answer.shown}: the answer has no {', '.join(missing)}: nothing has been sent, the "
            "tables stay as they are"
        )


def _elements(events: Events, name: str) -> Iterator[Any]:
    for number, event in enumerate(events, 1):
        if event[0] == "end_array":
            return
        place = f"stream {name}, record number {number}"
        builder = ObjectBuilder()
        for kind, value in _value(event, events, place):
            builder.event(kind, value)
        yield builder.value


def _pass_over(first: tuple[str, Any], events: Events, name: str) -> None:
    for _ in _value(first, events, f"member {name[:_SHOWN]!r}"):
        pass


def _value(first: tuple[str, Any], events: Events, place: str) -> Events:
    """Give the events of one value, which is neither too deep nor too big."""
    yield first
    depth, count = int(first[0] in _OPEN), 0
    while depth:
        kind, value = next(events)
        yield kind, value
        depth += (kind in _OPEN) - (kind in _CLOSE)
        count += 1
        if depth > _DEEPEST:
            raise BadContent(
                f"{place}: more than {_DEEPEST} objects or lists inside each other"
            )
        if count > _LARGEST:
            raise BadContent(f"{place}: more than {_LARGEST:,} values in it")


def _broken(answer: Answer) -> BadContent:
    size = answer.file.seek(0, os.SEEK_END)
    if not size:
        return BadContent(f"{answer.shown}: the answer is empty")
    answer.file.seek(0)
    begin = answer.file.read(_BEGIN).lstrip()
    if begin[:1] in (b"{", b"["):
        return BadContent(
            f"{answer.shown}: the answer is cut off or damaged: its {size} bytes are no whole JSON"
        )
    return BadContent(
        f"{answer.shown}: the answer is no JSON{_called(answer)}: is there something in between, "
        "such as a proxy or a page to log in?"
    )


def _called(answer: Answer) -> str:
    return f" ({answer.content_type})" if answer.content_type else ""
