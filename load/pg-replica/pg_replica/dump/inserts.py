"""Rows dumped as INSERT statements, turned into what COPY reads.

So a dump made with `--inserts`, `--column-inserts` or `--rows-per-insert` goes the way of every
other: counted, at COPY's speed, columns left out or pseudonymised on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from entrepot_core.base.errors import RunFailed
from entrepot_core.postgres.identifiers import PART, QUALIFIED, TableName

_CHUNK = 256 * 1024
_HEAD = re.compile(
    rf"INSERT INTO (?P<table>{QUALIFIED}) (?:\((?P<columns>(?:{PART}(?:, )?)+)\) )?"
    r"(?:OVERRIDING SYSTEM VALUE )?(?:(?P<empty>DEFAULT VALUES)|VALUES\s)".encode()
)
# A value as pg_dump writes it: a quoted text, bits, a keyword or a number.
_VALUE = re.compile(
    rb"(?P<kind>[EB]?)'(?P<text>(?:[^']|'')*)'|(?P<bare>[A-Za-z0-9.+-]+)"
)
_ROW_END = re.compile(rb"\)\s*(?P<more>,)?(?:\s*ON CONFLICT DO NOTHING)?(?:;|\s*)")
_SPECIAL = re.compile(rb"[\\\t\n\r\b\f\v]")
_ESCAPES = {
    b"\\": rb"\\",
    b"\t": rb"\t",
    b"\n": rb"\n",
    b"\r": rb"\r",
    b"\b": rb"\b",
    b"\f": rb"\f",
    b"\v": rb"\v",
}
_KEYWORDS = {b"NULL": rb"\N", b"true": b"t", b"false": b"f", b"DEFAULT": None}


def is_insert(statement: bytes) -> bool:
    """Say whether a statement begins as pg_dump's INSERTs do.

    Args:
        statement: Its first line, or all of it.

    Returns:
        Whether it does.
    """
    return _HEAD.match(statement) is not None


def table_of(statement: bytes) -> bytes:
    """Give the qualified name of the table that an INSERT is for, in the dump's encoding.

    Args:
        statement: For which `is_insert` holds.

    Returns:
        The name, quoted where pg_dump quotes it.
    """
    match = _HEAD.match(statement)
    assert match is not None
    return match["table"]


def as_copy(statements: Iterable[bytes], table: TableName) -> Iterator[bytes]:
    """Turn INSERTs into a COPY statement and its rows.

    Args:
        statements: All INSERTs of one table, whole.
        table: The table, for messages.

    Yields:
        `COPY … FROM stdin;`, then the rows in chunks that end with a line.

    Raises:
        RunFailed: If a statement is not as pg_dump writes it.
    """
    chunk = bytearray()
    begun = False
    for statement in statements:
        for columns, fields in _rows(statement, table):
            if not begun:
                begun = True
                yield _copy(statement, columns, fields)
            chunk += b"\t".join(field for field in fields if field is not None) + b"\n"
        if len(chunk) >= _CHUNK:
            yield bytes(chunk)
            chunk.clear()
    if chunk:
        yield bytes(chunk)


def _copy(statement: bytes, columns: list[bytes], fields: list[bytes | None]) -> bytes:
    match = _HEAD.match(statement)
    assert match is not None
    kept = [
        name for name, field in zip(columns, fields, strict=False) if field is not None
    ]
    listed = b" (" + b", ".join(kept) + b")" if kept else b""
    return b"COPY " + match["table"] + listed + b" FROM stdin;\n"


def _rows(
    statement: bytes, table: TableName
) -> Iterator[tuple[list[bytes], list[bytes | None]]]:
    """Give the columns that a statement names, and each row; None for a generated field."""
    head = _HEAD.match(statement)
    if head is None:
        raise _unreadable(table, statement)
    columns = re.findall(PART.encode(), head["columns"] or b"")
    if head["empty"]:
        yield columns, []
        return
    place, more = head.end(), True
    while more:
        place = statement.find(b"(", place) + 1
        if not place:
            raise _unreadable(table, statement)
        fields: list[bytes | None] = []
        while True:
            value = _VALUE.match(statement, place)
            if value is None:
                raise _unreadable(table, statement)
            fields.append(_field(value))
            place = value.end()
            if statement[place : place + 2] != b", ":
                break
            place += 2
        end = _ROW_END.match(statement, place)
        if end is None:
            raise _unreadable(table, statement)
        yield columns, fields
        place, more = end.end(), end["more"] is not None


def _field(value: re.Match[bytes]) -> bytes | None:
    if value["bare"] is not None:
        return _KEYWORDS.get(value["bare"], value["bare"])
    text = value["text"].replace(b"''", b"'")
    if value["kind"] == b"E":
        text = text.replace(b"\\\\", b"\\")
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], text)


def _unreadable(table: TableName, statement: bytes) -> RunFailed:
    """Say it without the values, which may be personal."""
    return RunFailed(
        f"table {table}: an INSERT of {len(statement)} bytes is not as pg_dump writes it",
        "dump without --inserts",
    )
