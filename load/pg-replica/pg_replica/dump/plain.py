"""Plain SQL dumps, read rather than run: nothing in them reaches psql, its commands least of all.

A plain dump is a program. Handed to psql it may connect elsewhere, run shell commands and write
files as the operator. Here it is cut into statements, only those that pg_dump writes are
accepted, and only as the owner of the landing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import IO

from entrepot_core.base.errors import Refused
from entrepot_core.postgres.identifiers import QUALIFIED, TableName, parse_qualified
from pg_replica.dump import inserts
from pg_replica.dump.encodings import codec
from pg_replica.dump.items import Item, split_items

_BLOCK = 256 * 1024
_TOKEN = re.compile(
    rb"""(?P<escaped>[eE]')|(?P<quote>['"])|(?P<dollar>\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*)?\$)"""
    rb"""|(?P<comment>--)|(?P<block>/\*)|(?P<end>;)"""
)
_COPY = re.compile(rf"COPY (?P<table>{QUALIFIED}) .*FROM stdin;$".encode(), re.DOTALL)
_ALLOWED = re.compile(
    rb"(?:CREATE|ALTER|COMMENT ON|REFRESH MATERIALIZED VIEW|SET|GRANT|REVOKE|DROP)\b"
    rb"|SELECT pg_catalog\.(?:setval|set_config|lo_create|lo_open|lowrite|lo_close|lo_unlink)\("
    rb"|(?:BEGIN|COMMIT);$"
)
_FORBIDDEN = re.compile(
    rb"(?:CREATE|ALTER) (?:DATABASE|ROLE|USER(?! MAPPING)|TABLESPACE|SYSTEM)\b"
)
_OWNER = re.compile(rb"ALTER [A-Z ]+ .* OWNER TO [^;]+;$", re.DOTALL)
_IGNORED = re.compile(
    rb"(?:SET|GRANT|REVOKE|DROP|BEGIN|COMMIT"
    rb"|SELECT pg_catalog\.(?:set_config|lo_open|lowrite|lo_close|lo_unlink))\b"
)
# How pg_dump writes the body of a function in standard SQL, whose statements end as ours do.
_BODY, _BODY_END = b"BEGIN ATOMIC", b"END;"
_ENCODING = re.compile(rb"SET client_encoding = '([A-Za-z0-9_]+)';")
_PSQL_OF_PG_DUMP = (b"\\restrict ", b"\\unrestrict ")


@dataclass(frozen=True)
class PlainTableData:
    """The rows of one table in a plain dump.

    Attributes:
        table: The table.
        file: The dump.
        statement: Its COPY statement.
        start: Offset of the first row, in bytes.
        end: Offset after the last row.
    """

    table: TableName
    file: Path
    statement: bytes
    start: int
    end: int

    @property
    def size(self) -> int:
        """The size of the rows' text."""
        return self.end - self.start

    def copy_text(self) -> Iterator[bytes]:
        """Give the statement, then the rows in chunks that end with a line."""
        yield self.statement
        with self.file.open("rb") as file:
            file.seek(self.start)
            left, rest = self.end - self.start, b""
            while left:
                block = file.read(min(_BLOCK, left))
                left -= len(block)
                whole, line_end, rest = (rest + block).rpartition(b"\n")
                if line_end:
                    yield whole + line_end


@dataclass(frozen=True)
class PlainInserts:
    """The rows of one table in a plain dump made with --inserts.

    Attributes:
        table: The table.
        file: The dump.
        start: Offset of the first INSERT, in bytes.
        end: Offset after the last.
    """

    table: TableName
    file: Path
    start: int
    end: int

    @property
    def size(self) -> int:
        """The size of the statements."""
        return self.end - self.start

    def copy_text(self) -> Iterator[bytes]:
        """Give a COPY statement, then the rows in chunks that end with a line."""
        with self.file.open("rb") as file:
            file.seek(self.start)
            yield from inserts.as_copy(
                cut_inserts(self.file, file, end=self.end), self.table
            )


def cut_inserts(
    path: Path, file: IO[bytes], *, first: bytes = b"", end: int | None = None
) -> Iterator[bytes]:
    """Cut a dump's text into its INSERTs.

    Args:
        path: The dump, for messages.
        file: The text, at the beginning of a line.
        first: A line that was read from it already.
        end: Offset at which to stop; None for the end of the text.

    Yields:
        One statement at a time.
    """
    reader = _Reader(path, file)
    for line in chain([first] if first else [], file):
        if statement := reader.insert(line):
            yield statement
        if end is not None and file.tell() >= end:
            return


class _Reader:
    """Cuts a plain dump into statements and blocks of rows, once, from start to end."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._file = file
        self._line = 0
        self._open: bytes | None = (
            None  # what ends the string, body or comment we are in
        )
        self._statement: list[bytes] = []
        self._in_body = False
        self.encoding = "UTF8"
        self.text: list[bytes] = []
        self.data: list[PlainTableData | PlainInserts] = []

    def read(self) -> None:
        for line in self._file:
            self._line += 1
            if self._open is None and not self._statement:
                if line.startswith(b"\\"):
                    self._psql_command(line)
                    continue
                if line.startswith(b"--") or not line.strip():
                    self.text.append(line)
                    continue
            self._statement.append(line)
            if self._ends_statement(line):
                self._finish()
        if self._open is not None or self._statement:
            raise Refused(
                [f"{self._path} ends in the middle of a statement: it is truncated"]
            )

    def insert(self, line: bytes) -> bytes | None:
        """Take the next line; give the INSERT that it ends."""
        if not self._statement and not line.startswith(b"INSERT "):
            return None
        self._statement.append(line)
        if not self._ends_statement(line):
            return None
        statement, self._statement = b"".join(self._statement), []
        return statement

    def _psql_command(self, line: bytes) -> None:
        if not line.startswith(_PSQL_OF_PG_DUMP):
            command = line.split()[0].decode(errors="replace")
            problem = f"{self._path}, line {self._line}: the psql command {command} is not run"
            advice = "dump one database without --create, or in the custom format"
            raise Refused([f"{problem}; {advice}"])

    def _ends_statement(self, line: bytes) -> bool:
        """Say whether a line ends a statement that is not part of a function's body."""
        if self._open is None and line.strip() in (_BODY, _BODY_END):
            self._in_body = line.strip() == _BODY
        return self._scan(line) and not self._in_body

    def _scan(self, line: bytes) -> bool:
        """Follow the line's quotes; say whether it ends a statement."""
        place, ended = 0, False
        while place < len(line):
            if self._open is not None:
                place = self._skip_to_close(line, place)
                continue
            token = _TOKEN.search(line, place)
            if token is None:
                break
            place, ended = token.end(), False
            if token["comment"]:
                break
            if token["end"]:
                ended = not line[place:].strip()
            elif token["escaped"]:
                self._open = b"E'"
            else:
                self._open = b"*/" if token["block"] else token[0]
        return ended and self._open is None

    def _skip_to_close(self, line: bytes, place: int) -> int:
        assert self._open is not None
        if self._open == b"E'":
            match = re.compile(rb"(?:[^'\\]|\\.)*'", re.DOTALL).match(line, place)
            end = match.end() if match else -1
        else:
            found = line.find(self._open, place)
            end = found + len(self._open) if found >= 0 else -1
        if end < 0:
            return len(line)
        self._open = None
        return end

    def _finish(self) -> None:
        statement, self._statement = b"".join(self._statement), []
        stripped = statement.strip()
        if copy := _COPY.match(stripped):
            self._rows(stripped, copy["table"].decode())
        elif inserts.is_insert(stripped):
            self._note_insert(statement)
        elif not _ALLOWED.match(stripped) or _FORBIDDEN.match(stripped):
            self._refuse(stripped)
        elif encoding := _ENCODING.match(stripped):
            self.encoding = encoding[1].decode()
        elif not _OWNER.match(stripped) and not _IGNORED.match(stripped):
            self.text.append(statement)

    def _refuse(self, statement: bytes) -> None:
        head = " ".join(statement.decode(errors="replace").split()[:4])
        problem = f"the statement {head!r} is not run (pg_dump writes no such)"
        raise Refused([f"{self._path}, line {self._line}: {problem}"])

    def _note_insert(self, statement: bytes) -> None:
        """Note where an INSERT is, as one of its table's."""
        table = parse_qualified(inserts.table_of(statement))
        end = self._file.tell()
        if self.data and self.data[-1].table == table:
            self.data[-1] = replace(self.data[-1], end=end)
            return
        if any(data.table == table for data in self.data):
            place = f"{self._path}, line {self._line}"
            raise Refused([f"{place}: rows of table {table} are in two places"])
        start = end - len(statement)
        self.data.append(PlainInserts(table, self._path, start, end))

    def _rows(self, statement: bytes, table: str) -> None:
        """Skip a block of rows, noting where it is."""
        start = self._file.tell()
        end = None
        for line in self._file:
            self._line += 1
            if line in (b"\\.\n", b"\\.\r\n"):
                end = self._file.tell() - len(line)
                break
        if end is None:
            raise Refused(
                [f"{self._path} ends in the rows of table {table}: it is truncated"]
            )
        self.data.append(
            PlainTableData(
                parse_qualified(table), self._path, statement + b"\n", start, end
            )
        )


class PlainDump:
    """A plain dump.

    Attributes:
        items: What it makes, rows apart.
        data: Its tables' rows.
        encoding: Of its text, by PostgreSQL's name.
    """

    def __init__(self, path: Path) -> None:
        """Read the whole file once, rows skipped.

        Args:
            path: The file.

        Raises:
            Refused: If it is not what pg_dump writes.
        """
        with path.open("rb") as file:
            reader = _Reader(path, file)
            reader.read()
        self.encoding = reader.encoding
        text = b"".join(reader.text).decode(
            codec(reader.encoding), errors="surrogateescape"
        )
        self.items: list[Item] = [item for item in split_items(text) if item.sql]
        self.data = reader.data
        if not self.items:
            raise Refused([f"{path} is not a dump: no item of pg_dump's is in it"])
