"""The rows of a plain dump, read where they stand in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from entrepot_core.base.errors import RunFailed
from entrepot_core.postgres.identifiers import TableName
from pg_replica.dump import inserts
from pg_replica.dump.cutter import Cutter, TooLong
from pg_replica.dump.lexer import UnexpectedText

_BLOCK = 256 * 1024
LONGEST_STATEMENT = 256 * 1024**2  # bytes; rows of COPY apart


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
        """Give the statement, then the rows in chunks."""
        yield self.statement
        yield from _blocks(self.file, self.start, self.end)


@dataclass
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
        """Give a COPY statement, then the rows in chunks."""
        blocks = _blocks(self.file, self.start, self.end)
        text = cut_inserts(self.file, lambda _: next(blocks, b""))
        yield from inserts.as_copy(text, self.table)


def _blocks(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while start < end and (block := file.read(min(_BLOCK, end - start))):
            start += len(block)
            yield block


def cut_inserts(path: Path, read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Cut a text into its INSERTs.

    Args:
        path: The dump, for messages.
        read: Gives the text's next bytes.

    Yields:
        One statement at a time.

    Raises:
        RunFailed: If it ends in the middle of one, or one is too long.
    """
    cutter = Cutter(read, LONGEST_STATEMENT)
    try:
        while piece := cutter.next():
            if piece.kind == "statement" and inserts.is_insert(piece.text):
                yield piece.text
    except (UnexpectedText, TooLong) as error:
        raise RunFailed(f"{path}: an INSERT of the dump: {error}") from None
