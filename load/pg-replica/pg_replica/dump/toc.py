"""The table of contents of pg_dump's archives, read field by field.

Every statement of an archive is a field of its own, with its length before it. Whatever an object's
text holds, it cannot pass for another entry: nothing is searched for, so nothing can be forged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from entrepot_core.base.errors import RunFailed

MAGIC = b"PGDMP"
CUSTOM, TAR, DIRECTORY = 1, 3, 5
PRE_DATA, DATA, POST_DATA = 2, 3, 4

_FORMATS = (CUSTOM, TAR, DIRECTORY)
_OLDEST, _NEWEST = (1, 12), (1, 16)  # pg_dump 9.6 to 18
_TABLE_ACCESS_METHOD = (1, 14)
_COMPRESSION_BYTE = (1, 15)
_RELATION_KIND = (1, 16)
_DATE_FIELDS = 7
_INTEGER_SIZES = (4, 8)
_LONGEST_TEXT = 256 * 1024**2  # bytes of all strings together
_MOST_ENTRIES = 10_000_000
_MOST_DEPENDENCIES = 1_000_000


@dataclass(frozen=True)
class Entry:
    """One entry of the table of contents; all text as bytes in the archive's encoding.

    Attributes:
        number: Its number, which `pg_restore --use-list` takes.
        class_oid: The OID of its catalog in the dumped database.
        oid: The object's OID there.
        tag: The object's name, for some kinds with its table's.
        kind: As pg_dump calls it.
        section: `PRE_DATA`, `DATA`, `POST_DATA`, or another for what is in none.
        definition: The statements that make it.
        copy_statement: With which its rows begin; empty without rows or with INSERTs.
        schema: The schema it is in; None for what is in none.
        owner: Its owner.
        dependencies: The numbers of the entries that it depends on.
    """

    number: int
    class_oid: int
    oid: int
    tag: bytes
    kind: str
    section: int
    definition: bytes
    copy_statement: bytes
    schema: bytes | None
    owner: bytes
    dependencies: tuple[int, ...]

    @property
    def listed(self) -> bytes:
        """Its line as `pg_restore --list` prints it."""
        schema = b"-" if self.schema is None else self.schema
        names = b" ".join(
            [self.kind.encode(), *map(one_line, (schema, self.tag, self.owner))]
        )
        return b"%d; %d %d %s" % (self.number, self.class_oid, self.oid, names)


@dataclass(frozen=True)
class TableOfContents:
    """What stands at the beginning of an archive.

    Attributes:
        version: The archive format's, major and minor.
        format: `CUSTOM`, `TAR` or `DIRECTORY`.
        tool: The version of the pg_dump that made it.
        entries: In the dump's order.
    """

    version: tuple[int, int]
    format: int
    tool: str
    entries: list[Entry]


def one_line(name: bytes) -> bytes:
    """Spell a name as pg_dump's comments and lists do.

    Args:
        name: Any name.

    Returns:
        The name without line breaks.
    """
    return name.replace(b"\n", b" ").replace(b"\r", b" ")


def read(source: Callable[[int], bytes]) -> TableOfContents:
    """Read the table of contents.

    Args:
        source: Gives the next bytes, at most as many as it is asked for; fewer only at the end.

    Returns:
        The table of contents.

    Raises:
        RunFailed: If it is damaged, or of a version that is not known.
    """
    return _Reader(source).read()


class _Reader:
    """Reads the fields, one after the other; no length in the archive is trusted."""

    def __init__(self, source: Callable[[int], bytes]) -> None:
        self._source = source
        self._text = 0  # bytes of strings read
        self._integer_size = self._offset_size = 4
        self._version = _NEWEST
        self._format = CUSTOM

    def read(self) -> TableOfContents:
        tool = self._head()
        count = self._integer()
        if not 0 <= count <= _MOST_ENTRIES:
            raise _damaged(f"{count} entries")
        entries = [self._entry() for _ in range(count)]
        if len({entry.number for entry in entries}) < count:
            raise _damaged("two entries of one number")
        return TableOfContents(self._version, self._format, tool, entries)

    def _head(self) -> str:
        if self._bytes(len(MAGIC)) != MAGIC:
            raise RunFailed("it is no archive of pg_dump's")
        major, minor, _, self._integer_size, self._offset_size, self._format = (
            self._bytes(6)
        )
        self._version = (major, minor)
        if not _OLDEST <= self._version <= _NEWEST:
            raise RunFailed(
                f"archives of version {major}.{minor} are not known",
                "use a pg_dump of PostgreSQL 9.6 to 18",
            )
        sizes = {self._integer_size, self._offset_size}
        if not sizes <= set(_INTEGER_SIZES) or self._format not in _FORMATS:
            raise _damaged("its header")
        if self._version >= _COMPRESSION_BYTE:
            self._bytes(1)
        else:
            self._integer()
        for _ in range(_DATE_FIELDS):
            self._integer()
        self._string()  # the database's name
        self._string()  # the server's version
        return (self._string() or b"").decode(errors="replace")

    def _entry(self) -> Entry:
        number = self._integer()
        self._integer()  # whether it has rows
        class_oid, oid = self._decimal(), self._decimal()
        tag, kind = self._string(), self._kind()
        section = self._integer()
        definition, _, copy_statement = self._string(), self._string(), self._string()
        schema = self._string() or None
        self._string()  # the tablespace
        if self._version >= _TABLE_ACCESS_METHOD:
            self._string()
        if self._version >= _RELATION_KIND:
            self._integer()
        owner = self._string()
        self._string()  # whether it has OIDs
        dependencies = self._dependencies()
        self._place_of_rows()
        return Entry(
            number,
            class_oid,
            oid,
            tag or b"",
            kind,
            section,
            definition or b"",
            copy_statement or b"",
            schema,
            owner or b"",
            dependencies,
        )

    def _kind(self) -> str:
        kind = self._string() or b""
        if not kind or kind.strip(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ "):
            raise _damaged("the kind of an entry")
        return kind.decode()

    def _dependencies(self) -> tuple[int, ...]:
        found: list[int] = []
        while (text := self._string()) is not None:
            found.append(_number(text))
            if len(found) > _MOST_DEPENDENCIES:
                raise _damaged("the dependencies of an entry")
        return tuple(found)

    def _place_of_rows(self) -> None:
        if self._format == CUSTOM:
            self._bytes(1 + self._offset_size)
        elif b"/" in (self._string() or b""):
            raise _damaged("the name of a file of rows")

    def _decimal(self) -> int:
        text = self._string()
        return _number(text) if text is not None else 0

    def _string(self) -> bytes | None:
        length = self._integer()
        if length < 0:
            return None
        self._text += length
        if self._text > _LONGEST_TEXT:
            raise _damaged(f"texts of more than {_LONGEST_TEXT:,} bytes")
        return self._bytes(length)

    def _integer(self) -> int:
        field = self._bytes(1 + self._integer_size)
        value = int.from_bytes(field[1:], "little")
        return -value if field[0] else value

    def _bytes(self, length: int) -> bytes:
        found = self._source(length)
        if len(found) < length:
            raise RunFailed("its table of contents ends early: it is truncated")
        return found


def _number(text: bytes) -> int:
    if len(text) > len("18446744073709551615") or not text.isdigit():
        raise _damaged("a number")
    return int(text)


def _damaged(what: str) -> RunFailed:
    return RunFailed(f"its table of contents is damaged: {what}")
