"""Lines cut into records, each known by the line on which it begins.

Most lines of most files need no more than a look: without a quote, the cells are what stands
between the delimiters. Quotes are taken away by the block. The csv module, which costs several
times as much, reads what is left.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from entrepot_tap_csv import quotes
from entrepot_tap_csv.definitions import Dialect
from entrepot_tap_csv.errors import Misfit
from entrepot_tap_csv.quotes import Quotes

_LONGEST = 16 * 1024 * 1024  # bytes of one record

_BLANK = re.compile(rb"\n\r?\n")

Record = tuple[int, list[str]]


@dataclass
class Batch:
    """Records that stand together in a file.

    Attributes:
        numbers: Of `lines`, in the file.
        lines: Records as lines of COPY's text format, in which nothing is NULL: see `quotes`.
        records: The others: line and cells.
    """

    numbers: Sequence[int]
    lines: list[bytes]
    records: list[Record] = field(default_factory=list)


class _Incomplete(Exception):
    """A record goes on in lines that have not been read."""


class _Feed:
    """Gives the csv module lines from one of ours on."""

    def __init__(self, lines: list[bytes], *, are_last: bool) -> None:
        self.at = 0
        self._lines = lines
        self._are_last = are_last

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if self.at == len(self._lines):
            raise StopIteration if self._are_last else _Incomplete
        line = self._lines[self.at]
        self.at += 1
        return f"{line.decode()}\n"


class Records:
    """The records of one file. Blank lines are none.

    Args:
        blocks: Complete lines, with the number of the first.
        name: The file's, for errors.
        dialect: How its text is cut.
    """

    def __init__(
        self, blocks: Iterator[tuple[int, bytes]], name: str, dialect: Dialect
    ) -> None:
        csv.field_size_limit(_LONGEST)
        self._blocks = blocks
        self._name = name
        self._options = _options(dialect)
        self._quoting = _signs(dialect.quotechar, dialect.escapechar)
        self._quotes = _quotes(dialect)
        blank = f"{dialect.delimiter} " if dialect.skipinitialspace else None
        self._harmless = {quotes.BACKSLASH} - self._quoting
        self._special = {*self._quoting, quotes.BACKSLASH, *_signs("\r", blank)}
        self._lines: list[bytes] = []
        self._line = 1  # the number of the first of them
        self._present: set[bytes] = set()
        self._is_over = False
        self._kept: list[Record] = []

    def first(self) -> Record | None:
        """Take the first record: the header, where there is one.

        Returns:
            None at the end of the file.
        """
        while self._lines or self._fill():
            if self._lines[0] in (b"", b"\r"):
                self._drop(1)
                continue
            feed = _Feed(self._lines, are_last=self._is_over)
            try:
                cells = self._next(csv.reader(feed, **self._options), self._line)
            except _Incomplete:
                self._fill()
                continue
            record = self._line, cells
            self._drop(feed.at)
            return record
        return None

    def put_back(self, record: Record) -> None:
        """Have a record come again, among the others.

        Args:
            record: As `first` gave it.
        """
        self._kept.append(record)

    def batches(self) -> Iterator[Batch]:
        """Take the records that are left.

        Yields:
            Many at a time; in each, those that the csv module has read come apart.
        """
        if self._kept:
            yield Batch([], [], self._kept)
        while self._lines or self._fill():
            if self._present <= self._harmless:
                numbers = range(self._line, self._line + len(self._lines))
                yield Batch(numbers, self._with_codes())
                self._drop(len(self._lines))
            else:
                yield self._without_quotes() or self._sorted_out()

    def _fill(self) -> bool:
        """Read more lines behind those that are here; False at the end."""
        number, block = next(self._blocks, (0, b""))
        if not block:
            self._is_over = True
            return bool(self._lines)
        if not self._lines:  # otherwise the block goes on with a record
            self._line, self._present = number, set()
            if b"\r" in block:
                block = self._without_returns(block)
        self._present |= {sign for sign in self._special if sign in block}
        if block.startswith((b"\n", b"\r\n")) or _BLANK.search(block):
            self._present.add(b"\n")
        self._lines += block.split(b"\n")
        self._lines.pop()
        return True

    def _without_returns(self, block: bytes) -> bytes:
        """Let lines end by a line feed alone, but not those inside quotes."""
        if not any(sign in block for sign in self._quoting):
            return block.replace(b"\r\n", b"\n")
        return block

    def _drop(self, count: int) -> None:
        self._lines = self._lines[count:]
        self._line += count

    def _with_codes(self) -> list[bytes]:
        if not self._present:
            return self._lines
        return quotes.with_codes(b"\n".join(self._lines)).split(b"\n")

    def _without_quotes(self) -> Batch | None:
        """Take all complete records from the lines at hand, if their quotes can be taken away."""
        block = b"\n".join([*self._lines, b""])
        found = self._quotes.taken_from(block) if self._quotes else None
        if found is None:
            return None
        text, left = found
        lines = text.split(b"\n")
        lines.pop()
        if b"" in lines:
            return None  # a blank line, or a record of one cell, which is empty
        numbers: Sequence[int] = range(self._line, self._line + len(lines))
        if quotes.LINE_FEED in text:
            heights = (1 + line.count(quotes.LINE_FEED) for line in lines)
            numbers = list(accumulate(heights, initial=self._line))[:-1]
        self._drop(len(self._lines) - left)
        if left:
            self._keep(0)
        return Batch(numbers, lines)

    def _sorted_out(self) -> Batch:
        """Take from the lines at hand those that need no csv module, and read the others."""
        lines, first = self._lines, self._line
        batch = Batch([], [])
        numbers: list[int] = []
        feed = _Feed(lines, are_last=self._is_over)
        reader = csv.reader(feed, **self._options)
        for at in [*self._special_ones(), len(lines)]:
            if at < feed.at:
                continue  # it was part of a record
            numbers += range(first + feed.at, first + at)
            batch.lines += self._plain(lines[feed.at : at])
            feed.at = at
            if at == len(lines) or lines[at] in (b"", b"\r"):
                feed.at += 1
                continue
            try:
                batch.records.append((first + at, self._next(reader, first + at)))
            except _Incomplete:
                self._keep(at)
                break
        else:
            self._drop(len(lines))
        batch.numbers = numbers
        return batch

    def _plain(self, lines: list[bytes]) -> list[bytes]:
        if b"\r" not in self._present:
            return lines
        return [line.removesuffix(b"\r") for line in lines]

    def _special_ones(self) -> list[int]:
        """Find the lines at hand that are not simply cells between delimiters."""
        found: set[int] = set()
        lines = self._lines
        for sign in self._present:
            if sign == b"\n":
                places = [at for at, line in enumerate(lines) if line in (b"", b"\r")]
            elif sign == b"\r":
                places = [at for at, line in enumerate(lines) if sign in line[:-1]]
            else:
                places = [at for at, line in enumerate(lines) if sign in line]
            found.update(places)
        return sorted(found)

    def _keep(self, count: int) -> None:
        """Keep the beginning of a record for when its end has been read."""
        self._drop(count)
        if sum(map(len, self._lines)) > _LONGEST:
            raise Misfit(
                self._name,
                f"the record has more than {_LONGEST:,} bytes: a quote that is not closed?",
                line=self._line,
            )
        self._fill()

    def _next(self, reader: Any, line: int) -> list[str]:
        try:
            return next(reader)
        except csv.Error as error:
            words = str(error)
            if words == "unexpected end of data":
                words = "a quote that begins in this record is never closed"
            elif "field limit" in words:
                words = f"a cell has more than {_LONGEST:,} bytes: a quote that is not closed?"
            elif "new-line character" in words:
                words = "a carriage return outside quotes"
            raise Misfit(self._name, words, line=line) from None


def _options(dialect: Dialect) -> dict[str, Any]:
    return {
        "delimiter": dialect.delimiter,
        "quotechar": dialect.quotechar,
        "doublequote": dialect.doublequote,
        "escapechar": dialect.escapechar,
        "skipinitialspace": dialect.skipinitialspace,
        "quoting": csv.QUOTE_MINIMAL if dialect.quotechar else csv.QUOTE_NONE,
        "strict": True,
    }


def _quotes(dialect: Dialect) -> Quotes | None:
    is_usual = dialect.doublequote and not (
        dialect.escapechar or dialect.skipinitialspace
    )
    if is_usual and dialect.quotechar:
        return Quotes(dialect.delimiter, dialect.quotechar)
    return None


def _signs(*signs: str | None) -> set[bytes]:
    return {sign.encode() for sign in signs if sign}
