"""Lines and files into a table by COPY, and what the server says against them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from threading import Event

import psycopg

from entrepot_core.policy.columns import unescaped
from entrepot_core.postgres.connection import one_line
from entrepot_core.postgres.copy.libpq import CopyError, Patience, copy_in
from entrepot_core.postgres.identifiers import quote
from entrepot_core.singer.batch import CopyFile
from entrepot_target_postgres.errors import CannotLoad
from entrepot_target_postgres.tables.shape import Shape

_CHUNK = 256 * 1024  # bytes
_RESULTS = 5  # more than a refused COPY has
_PLACE = re.compile(r"COPY .*?, line (\d+)(?:, column (.*?))?(?=$|: )", re.DOTALL)
_UNIQUE = "23505"


@dataclass
class Lines:
    """Records that wait, as lines of COPY's text format.

    Attributes:
        columns: In the order of the lines.
        rows: How many wait.
        before: How many of the stream came before them.
        size: What they take, in bytes.
    """

    columns: list[str]
    rows: int = 0
    before: int = 0
    size: int = 0
    _lines: list[bytes] = field(default_factory=list)
    delimiter = "\t"
    options = "FORMAT text"

    def add(self, line: bytes) -> None:
        """Take a record.

        Args:
            line: The record's line.
        """
        self._lines.append(line)
        self.rows += 1
        self.size += len(line)

    def lines(self) -> Iterator[bytes]:
        """Give each line.

        Yields:
            Each line.
        """
        yield from self._lines

    def chunks(self) -> Iterator[bytes]:
        """Join the lines.

        Yields:
            Many lines at a time.
        """
        chunk: list[bytes] = []
        size = 0
        for line in self._lines:
            chunk.append(line)
            size += len(line)
            if size >= _CHUNK:
                yield b"".join(chunk)
                chunk, size = [], 0
        if chunk:
            yield b"".join(chunk)

    def clear(self) -> None:
        """Start anew after a commit."""
        self.before += self.rows
        self.rows = self.size = 0
        self._lines = []


Rows = Lines | CopyFile


def _values(rows: Rows, line: int) -> dict[str, str]:
    """Read one row, counted from 1; nothing of a binary file."""
    if isinstance(rows, CopyFile) and rows.copy_format != "text":
        return {}
    return values_of(next(islice(rows.lines(), line - 1, None), b""), rows)


def values_of(line: bytes, rows: Rows) -> dict[str, str]:
    """Read a line of COPY's text format.

    Args:
        line: One of the rows'.
        rows: What it belongs to.

    Returns:
        Values by column, as text.
    """
    sign = re.escape(rows.delimiter.encode())
    value = rb"((?:[^\\" + sign + rb"]|\\.)*)(?:" + sign + rb"|$)"
    found = re.findall(value, line.removesuffix(b"\n"), re.DOTALL)
    return {
        name: unescaped(each).decode(errors="replace")
        for name, each in zip(rows.columns, found, strict=False)
    }


def copy(
    session: psycopg.Connection, into: str, rows: Rows, shape: Shape, timeout: float
) -> None:
    """Copy rows; the caller commits.

    Args:
        session: A session in its transaction.
        into: The table, as SQL names it.
        rows: What to copy.
        shape: The table's, for errors.
        timeout: Seconds after which a silent network counts as cut.

    Raises:
        Duplicate: If a row has the key of another.
        CannotLoad: If the server refuses a value, or has received another number of rows.
    """  # noqa: DOC501 -- a function makes one of the two
    listed = ", ".join(map(quote, rows.columns))
    statement = f"COPY {into} ({listed}) FROM STDIN ({rows.options})"
    try:
        received = copy_in(
            session, statement, rows.chunks(), Patience(Event(), timeout), _ignore
        )
    except CopyError as error:
        read_to_the_end(session)
        raise _explained(error, shape, rows) from None
    if received != rows.rows:
        raise CannotLoad(
            f"stream {shape.stream}: {rows.rows} rows were announced, and the warehouse received "
            f"{received}"
        )


def read_to_the_end(session: psycopg.Connection) -> None:
    """Make a session usable for psycopg after a COPY that the server has refused.

    Args:
        session: The session.
    """
    with suppress(psycopg.Error):
        for _ in range(_RESULTS):
            if session.pgconn.get_result() is None:
                break
        session.pgconn.nonblocking = 0


def _ignore(_: int) -> None:
    return None


def _explained(error: CopyError, shape: Shape, rows: Rows) -> CannotLoad:
    place = _PLACE.search(error.context)
    if place is None:
        return CannotLoad(f"stream {shape.stream}: {error}")
    line, column = int(place[1]), place[2]
    row = _values(rows, line)
    where = f", column {column}" if column else ""
    if origin := origin_of(row, shape):
        where += f", {origin}"
    elif isinstance(rows, Lines):
        where += f", record {rows.before + line}"
    else:
        where += f", {rows.path.name} line {line}"
    sentence = f"stream {shape.stream}{where}: {error}"
    if error.sqlstate == _UNIQUE and shape.keys:
        return Duplicate(sentence, row, line)
    return CannotLoad(sentence)


def origin_of(row: dict[str, str], shape: Shape) -> str:
    """Say where a row is from, as its own columns tell.

    Args:
        row: Values by column, as text.
        shape: The table's.

    Returns:
        Nothing where the stream has no such columns.
    """
    return ", ".join(f"{name} {row[name]}" for name in shape.origin if name in row)


class Duplicate(CannotLoad):
    """A row has the key of another.

    Attributes:
        row: Its values by column, as text.
        line: Which of the rows that were written together, from 1.
    """

    def __init__(self, message: str, row: dict[str, str], line: int) -> None:
        """Keep the row.

        Args:
            message: What happened, and where.
            row: Its values.
            line: Which one.
        """
        super().__init__(message)
        self.row = row
        self.line = line


def reason(error: psycopg.Error) -> str:
    """Say what the server complains of while it computes over rows, without their values.

    Args:
        error: The server's error.

    Returns:
        One line.
    """
    return one_line(error, of_rows=True)
