"""Lines and files into a table by COPY, and what the server says against them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import psycopg

from entrepot_target_postgres.errors import CannotLoad
from pg_replica.names import quote
from pg_replica.transport import CopyError, Patience, copy_in

_CHUNK = 256 * 1024  # bytes
_RESULTS = 5  # more than a refused COPY has
_PLACE = re.compile(r"COPY .*?, line (\d+)(?:, column (.*?))?(?=$|: )", re.DOTALL)
_HIDING = {"23502", "23514"}  # their details print whole rows


@dataclass(frozen=True)
class CopyFile:
    """A file that COPY reads.

    Attributes:
        path: Where.
        copy_format: `text` or `binary`.
        columns: In the order of the file.
        rows: How many there must be.
    """

    path: Path
    copy_format: str
    columns: list[str]
    rows: int

    def chunks(self) -> Iterator[bytes]:
        """Read it.

        Yields:
            Parts of the file.
        """
        with self.path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk


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
    copy_format: str = "text"

    def add(self, line: bytes) -> None:
        """Take a record.

        Args:
            line: The record's line.
        """
        self._lines.append(line)
        self.rows += 1
        self.size += len(line)

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


def copy(
    session: psycopg.Connection, into: str, rows: Rows, stream: str, timeout: float
) -> None:
    """Copy rows; the caller commits.

    Args:
        session: A session in its transaction.
        into: The table, as SQL names it.
        rows: What to copy.
        stream: The stream's name, for errors.
        timeout: Seconds after which a silent network counts as cut.

    Raises:
        CannotLoad: If the server refuses a value, or has received another number of rows.
    """
    listed = ", ".join(map(quote, rows.columns))
    statement = f"COPY {into} ({listed}) FROM STDIN (FORMAT {rows.copy_format})"
    try:
        received = copy_in(
            session, statement, _chunks(rows), Patience(Event(), timeout), _ignore
        )
    except CopyError as error:
        read_to_the_end(session)
        raise CannotLoad(_explain(error, stream, rows)) from None
    if received != rows.rows:
        raise CannotLoad(
            f"stream {stream}: {rows.rows} rows were announced, and the warehouse received "
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


def _chunks(rows: Rows) -> Iterable[bytes]:
    return rows.chunks()


def _ignore(_: int) -> None:
    return None


def _explain(error: CopyError, stream: str, rows: Rows) -> str:
    place = _PLACE.search(error.context)
    if place is None:
        return f"stream {stream}: {error}"
    line, column = int(place[1]), place[2]
    where = f", column {column}" if column else ""
    if isinstance(rows, Lines):
        where += f", record {rows.before + line}"
    else:
        where += f", {rows.path.name} line {line}"
    return f"stream {stream}{where}: {error.reason}"


def reason(error: psycopg.Error) -> str:
    """Say what the server says, without the rows that some of its details print.

    Args:
        error: The server's error.
    """
    diagnostic = error.diag
    words = [diagnostic.message_primary or " ".join(str(error).split())]
    if diagnostic.message_detail and diagnostic.sqlstate not in _HIDING:
        words.append(diagnostic.message_detail)
    return ": ".join(words)
