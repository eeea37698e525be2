"""Lines that are no rows taken out before cells are cut: titles, comments, footers, tails.

A line that is left out becomes a blank one, so that all others keep their numbers.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from entrepot_tap_csv import forgiven
from entrepot_tap_csv.definitions import Dialect
from entrepot_tap_csv.errors import Misfit
from entrepot_tap_csv.forgiven import Forgiven
from entrepot_tap_csv.shape import Shape

_LONGEST_FOOTER = 100  # lines
_SEPARATOR = re.compile(rb'"?sep=(.|\\t)"?\r?\n', re.IGNORECASE)

Blocks = Iterator[tuple[int, bytes]]


class Quoted:
    """Knows whether a line ends inside quotes, by the rules by which cells are cut.

    Args:
        dialect: How the text is cut.
    """

    def __init__(self, dialect: Dialect) -> None:
        quote = re.escape((dialect.quotechar or "\0").encode())
        escape = re.escape((dialect.escapechar or "").encode())
        cut = re.escape(dialect.delimiter.encode())
        blanks = b" *" if dialect.skipinitialspace else b""
        escaped = b"|" + escape + b"." if escape else b""
        twice = b"|" + quote * 2 if dialect.doublequote else b""
        ends = b"(?!" + quote + b")" if dialect.doublequote else b""
        self._sign = (dialect.quotechar or "\0").encode()
        self._opens = re.compile(b"(?:^|" + cut + b")" + blanks + quote)
        self._opens_later = re.compile(cut + blanks + quote)
        self._closes = re.compile(
            b"(?:[^" + quote + escape + b"]+" + twice + escaped + b")*" + quote + ends,
            re.DOTALL,
        )

    def after(self, line: bytes, *, inside: bool) -> bool:
        """Say whether a line ends inside quotes.

        Args:
            line: Without its line feed.
            inside: Whether it begins there.

        Returns:
            Whether the next one does.
        """
        if self._sign not in line:
            return inside
        at, opens = 0, self._opens
        while True:
            if not inside:
                opening = opens.search(line, at)
                if opening is None:
                    return False
                at = opening.end()
            closing = self._closes.match(line, at)
            if closing is None:
                return True
            at, opens, inside = closing.end(), self._opens_later, False


class Lines:
    """The lines of one file without those that the settings leave out.

    Args:
        blocks: Complete lines, with the number of the first.
        name: The file's, for errors.
        dialect: How its text is cut.
        shape: What is left out.
        counts: Told of what was.
    """

    def __init__(
        self,
        blocks: Blocks,
        name: str,
        dialect: Dialect,
        shape: Shape,
        counts: Forgiven,
    ) -> None:
        self._blocks = blocks
        self._name = name
        self._dialect = dialect
        self._shape = shape
        self._counts = counts
        self._comment = shape.comment.encode()
        self._tail = shape.line_tail.encode()
        self._footers = [re.compile(each) for each in shape.footer]
        self._footer_at = 0  # the line on which it begins
        self._quoted = Quoted(dialect)
        self._is_inside = False
        self._mends = _Mending(dialect) if shape.bare_quotes else None

    def blocks(self) -> Blocks:
        """Read on.

        Yields:
            The number of a line, and complete lines from there on.

        Raises:
            Misfit: If the file says that it is cut otherwise, or goes on behind its footer.
        """
        for first, block in self._blocks:
            kept = block
            if first == 1:
                kept = self._without_separator(kept)
            if first <= self._shape.skip_lines:
                kept = self._without_title(first, kept)
            if self._shape.looks_at_lines:
                kept = self._looked_at(first, kept)
            yield first, kept

    def _without_separator(self, block: bytes) -> bytes:
        """Leave out Excel's own line, which names the delimiter."""
        said = _SEPARATOR.match(block)
        if said is None or self._shape.skip_lines:
            return block
        sign = "\t" if said[1] == b"\\t" else said[1].decode("latin-1")
        if sign != self._dialect.delimiter:
            raise Misfit(
                self._name,
                f"the line `sep=` says that cells are separated by {sign!r}: set delimiter",
                line=1,
            )
        self._counts.add(forgiven.SEPARATOR, 1)
        return b"\n" + block[said.end() :]

    def _without_title(self, first: int, block: bytes) -> bytes:
        lines = block.split(b"\n")
        count = min(self._shape.skip_lines - first + 1, len(lines) - 1)
        lines[:count] = [b""] * count
        self._counts.add(forgiven.SKIPPED, first, count)
        return b"\n".join(lines)

    def _looked_at(self, first: int, block: bytes) -> bytes:
        lines = block.split(b"\n")
        lines.pop()
        kept = [self._line(number, line) for number, line in enumerate(lines, first)]
        return b"\n".join([*kept, b""])

    def _line(self, number: int, line: bytes) -> bytes:
        if not self._is_inside and self._is_left_out(number, line):
            return b""
        if self._mends and not self._is_inside:
            mended = self._mends.mended(line)
            if mended != line:
                self._counts.add(forgiven.QUOTES, number)
                line = mended
        self._is_inside = self._quoted.after(line, inside=self._is_inside)
        if self._tail and not self._is_inside:
            bare = line.removesuffix(b"\r")
            if bare.endswith(self._tail):
                self._counts.add(forgiven.TAILS, number)
                return bare.removesuffix(self._tail)
        return line

    def _is_left_out(self, number: int, line: bytes) -> bool:
        if self._footer_at:
            if line.strip():
                self._check_footer(number)
                self._counts.add(forgiven.FOOTERS, number)
            return True
        if self._comment and line.startswith(self._comment):
            self._counts.add(forgiven.COMMENTS, number)
            return True
        if self._footers and number > self._shape.skip_lines:
            text = line.rstrip(b"\r").decode()
            if any(each.match(text) for each in self._footers):
                self._footer_at = number
                self._counts.add(forgiven.FOOTERS, number)
                return True
        return False

    def _check_footer(self, number: int) -> None:
        if number - self._footer_at > _LONGEST_FOOTER:
            raise Misfit(
                self._name,
                f"the line fits footer, but more than {_LONGEST_FOOTER} lines follow: it is none",
                line=self._footer_at,
            )


class _Mending:
    """Writes a quote twice that stands alone inside a quoted cell.

    Args:
        dialect: How the text is cut.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._quote = (dialect.quotechar or '"').encode()
        quote, cut = re.escape(self._quote), re.escape(dialect.delimiter.encode())
        end = b"(?=" + cut + rb"|\r?\Z)"
        self._cells = re.compile(
            b"(?:(?<=" + cut + b")|^)" + quote + b"(.*?)" + quote + end, re.DOTALL
        )

    def mended(self, line: bytes) -> bytes:
        """Mend a line that begins outside quotes, unless it is written by the rules."""
        if self._quote not in line or not self._is_amiss(line):
            return line
        return self._cells.sub(self._cell, line)

    def _is_amiss(self, line: bytes) -> bool:
        dialect = self._dialect
        text = line.rstrip(b"\r").decode()
        try:
            next(
                csv.reader(
                    [text],
                    delimiter=dialect.delimiter,
                    quotechar=dialect.quotechar,
                    doublequote=dialect.doublequote,
                    escapechar=dialect.escapechar,
                    skipinitialspace=dialect.skipinitialspace,
                    strict=True,
                )
            )
        except csv.Error as error:
            return "unexpected end" not in str(error)
        return False

    def _cell(self, match: re.Match[bytes]) -> bytes:
        quote = self._quote
        inner = match[1].replace(quote * 2, quote).replace(quote, quote * 2)
        return quote + inner + quote
