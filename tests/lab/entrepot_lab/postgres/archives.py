"""Archives in pg_dump's format, written field by field: also such as pg_dump never writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

CUSTOM, TAR, DIRECTORY = 1, 3, 5
PRE_DATA, DATA, POST_DATA = 2, 3, 4
_NO_PLACE, _NO_ROWS = 1, 3  # where an entry's rows are: to be searched for, nowhere
_BLOCK_OF_ROWS = 1


@dataclass(frozen=True)
class Entry:
    """One entry; its number is its place in the list, from 1.

    Attributes:
        kind: As pg_dump calls it.
        tag: Its name.
        definition: Its statements.
        schema: Its schema.
        section: Its section.
        oid: Its object's OID; rows have their table's.
        copy_statement: With which its rows begin.
        rows: Rows in COPY's text, without the line that ends them; None for what has none.
        dependencies: Numbers of other entries.
    """

    kind: str
    tag: str
    definition: str = ""
    schema: str | None = "public"
    section: int = PRE_DATA
    oid: int = 0
    copy_statement: str = ""
    rows: bytes | None = None
    dependencies: tuple[int, ...] = ()


SETTINGS = (
    Entry("ENCODING", "ENCODING", "SET client_encoding = 'UTF8';\n", None),
    Entry(
        "STDSTRINGS", "STDSTRINGS", "SET standard_conforming_strings = 'on';\n", None
    ),
    Entry(
        "SEARCHPATH",
        "SEARCHPATH",
        "SELECT pg_catalog.set_config('search_path', '', false);\n",
        None,
    ),
)


def table(name: str, columns: str, rows: bytes, oid: int) -> list[Entry]:
    """Write what pg_dump writes for a table in `public`.

    Args:
        name: Its name, which needs no quotes.
        columns: The columns with their types.
        rows: Its rows in COPY's text.
        oid: A number that no other table has.

    Returns:
        The table and its rows.
    """
    return [
        Entry("TABLE", name, f"CREATE TABLE public.{name} ({columns});\n", oid=oid),
        Entry(
            "TABLE DATA",
            name,
            section=DATA,
            oid=oid,
            copy_statement=f"COPY public.{name} FROM stdin;\n",
            rows=rows,
        ),
    ]


def archive(
    entries: Sequence[Entry],
    version: tuple[int, int] = (1, 16),
    format_: int = CUSTOM,
) -> bytes:
    """Write an archive.

    Args:
        entries: Its entries, the settings that each archive begins with apart.
        version: Of the format: 1.12 to 1.16.
        format_: `CUSTOM`; of the other formats only the table of contents is written.

    Returns:
        The file's content.
    """
    listed = [*SETTINGS, *entries]
    text = b"PGDMP" + bytes([*version, 0, 4, 8, format_])
    text += b"\0" if version >= (1, 15) else _integer(0)
    text += b"".join(_integer(part) for part in (0, 0, 0, 1, 0, 126, 0))
    text += _string("app") + _string("18.6") + _string("18.6") + _integer(len(listed))
    for number, entry in enumerate(listed, 1):
        text += _entry(number, entry, version, format_)
    if format_ == CUSTOM:
        for number, entry in enumerate(listed, 1):
            if entry.rows is not None:
                text += bytes([_BLOCK_OF_ROWS]) + _integer(number)
                text += _bytes(entry.rows + b"\\.\n") + _integer(0)
    return text


def _entry(number: int, entry: Entry, version: tuple[int, int], format_: int) -> bytes:
    has_rows = entry.rows is not None
    text = _integer(number) + _integer(int(has_rows))
    text += _string("1259" if entry.oid else "0") + _string(str(entry.oid))
    text += _string(entry.tag) + _string(entry.kind) + _integer(entry.section)
    text += _string(entry.definition) + _string("") + _string(entry.copy_statement)
    text += _string(entry.schema) + _string("")
    if version >= (1, 14):
        text += _string("heap" if entry.kind == "TABLE" else "")
    if version >= (1, 16):
        text += _integer(ord("r") if entry.kind == "TABLE" else 0)
    text += _string("app") + _string("false")
    text += b"".join(_string(str(other)) for other in entry.dependencies)
    text += _string(None)
    if format_ == CUSTOM:
        return text + bytes([_NO_PLACE if has_rows else _NO_ROWS]) + bytes(8)
    return text + _string(f"{number}.dat" if has_rows else "")


def _integer(value: int) -> bytes:
    return bytes([value < 0]) + abs(value).to_bytes(4, "little")


def _string(text: str | None) -> bytes:
    return _integer(-1) if text is None else _bytes(text.encode())


def _bytes(text: bytes) -> bytes:
    return _integer(len(text)) + text
