"""A definition proposed for one file, and tried on what was seen of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from entrepot_tap_csv.definitions import Dialect
from entrepot_tap_csv.errors import CannotRead, Misfit
from entrepot_tap_csv.files import Part
from entrepot_tap_csv.inspection import dialect as dialects
from entrepot_tap_csv.inspection import footers, sample, table, types
from entrepot_tap_csv.inspection.names import named
from entrepot_tap_csv.inspection.sample import Sample, SampledPart
from entrepot_tap_csv.inspection.table import Table
from entrepot_tap_csv.inspection.trial import Entry, Proposal, tried
from entrepot_tap_csv.records import Record

_COMMENTS = ("#", "//", "--", "%", "!")
_PAGES = ("<!doctype", "<html", "<?xml")
_OFTEN = 0.5  # share of lines that end by a tail


class Text:
    """A file's text, and what is seen of it.

    Args:
        part: The file.
    """

    def __init__(self, part: Part) -> None:
        self.part = part
        self.sample: Sample = sample.taken(part)
        self.encoding = sample.encoding_of(self.sample.data)
        raw = sample.text_of(self.sample, self.encoding)
        self.text = re.sub(r"\r(?!\n|\r\n)", "\n", raw) if "\n" not in raw else raw
        self.lines = self.text.split("\n")

    def propose(self, entity: str, path: str, *, shows: int, typed: bool) -> Proposal:
        """Make a proposal that reads what was seen.

        Args:
            entity: The stream's name.
            path: The file's.
            shows: How many rows are shown.
            typed: Whether types are proposed.

        Returns:
            The proposal.

        Raises:
            Misfit: If nothing reads it; it says what stands in the way of the likeliest way.
        """
        if self.text.lstrip()[:9].lower().startswith(_PAGES):
            raise Misfit(self.part.name, "is a page or another XML text, and no table")
        failures: list[CannotRead] = []
        for entry in self._candidates({"entity": entity, "path": path}, typed=typed):
            try:
                return self._tried(entry, shows)
            except CannotRead as error:
                failures.append(error)
        raise failures[0]

    def _candidates(self, base: Entry, *, typed: bool) -> Iterator[Entry]:
        """Give definitions, the strictest first."""
        dialect = dialects.guessed(self.text)
        entry = self._entry(base, dialect, typed=typed)
        yield entry
        yield {**entry, "short_rows": "fill"}
        if dialect.quotechar:
            yield {**entry, "bare_quotes": True}
            yield {**entry, "bare_quotes": True, "short_rows": "fill"}
            bare = replace(dialect, quotechar=None)
            entry = self._entry(base, bare, typed=typed)
            yield entry
            yield {**entry, "short_rows": "fill"}

    def _entry(self, base: Entry, dialect: Dialect, *, typed: bool) -> Entry:
        tail = self._tail(dialect.delimiter)
        bare = self._without(tail)
        comment, first = self._comments(bare, dialect)
        records = dialects.records("\n".join(bare), dialect)
        records = [each for each in records if each[0] > first]
        if comment:
            records = [r for r in records if not bare[r[0] - 1].startswith(comment)]
        if dialects.separator_line(self.text):
            records = records[1:]
        if not records:
            raise Misfit(self.part.name, "holds no table")
        seen = table.found(records, is_whole=self.sample.is_whole)
        entry = {**base, **_of_dialect(dialect, self.encoding)}
        skipped = self._skipped(seen, records)
        entry |= {"skip_lines": skipped} if skipped else {}
        entry |= {"comment": comment} if comment else {}
        if not tail:
            tail = _trailing(seen, dialect.delimiter)
        entry |= {"line_tail": tail} if tail else {}
        if seen.footer:
            entry |= self._footer(seen)
        columns, naming = named(seen)
        entry |= naming
        if typed:
            rows = [cells for _, cells in seen.rows]
            is_comma = dialect.delimiter == ";"
            told = types.proposed(columns, rows, comma_is_decimal=is_comma)
            entry |= {"columns": told} if told else {}
        return entry

    def _tail(self, delimiter: str) -> str:
        """Find a text that is no cell, but ends most lines."""
        lines = [line for line in self.lines if line.strip()]
        for tail in ("\r\r", "\\r\\n", "\\n", "<br>"):
            ended = [line for line in lines if line.removesuffix("\r").endswith(tail)]
            if tail == "\r\r":
                ended = [line for line in lines if line.endswith(tail)]
            if ended and len(ended) >= len(lines) * _OFTEN:
                if tail == "\r\r":
                    return "\r"
                cut = [
                    each
                    for each in ended
                    if each.rstrip("\r").endswith(delimiter + tail)
                ]
                return delimiter + tail if len(cut) == len(ended) else tail
        return ""

    def _without(self, tail: str) -> list[str]:
        if not tail:
            return self.lines
        return [line.removesuffix("\r").removesuffix(tail) for line in self.lines]

    def _comments(self, lines: Sequence[str], dialect: Dialect) -> tuple[str, int]:
        """Find the sign of comments; those before the table alone are lines to skip.

        Returns:
            The sign, and the last line of the comments at the beginning.
        """
        for sign in _COMMENTS:
            at = [n for n, line in enumerate(lines, 1) if line.startswith(sign)]
            if not at:
                continue
            others = [
                line for line in lines if line.strip() and not line.startswith(sign)
            ]
            width = others[0].count(dialect.delimiter) if others else 0
            first = lines[at[0] - 1]
            if len(at) == 1 and (not others or first.count(dialect.delimiter) == width):
                continue  # a header, or a row, that begins so
            top = 0
            while top + 1 in at or (top < len(lines) and not lines[top].strip()):
                top += 1
            if lines[top - 1].count(dialect.delimiter) == width > 0 and top == at[-1]:
                return "", top - 1  # the last of them is the header
            return (sign, 0) if len(at) < len(lines) // 3 + 20 else ("", 0)
        return "", 0

    def _skipped(self, seen: Table, records: Sequence[Record]) -> int:
        """Count the lines before the table, unless they are blank or comments."""
        has_title = records[0][0] < seen.first
        starts = self.lines[: seen.first - 1]
        is_hidden = any(line.startswith(_COMMENTS) for line in starts)
        if dialects.separator_line(self.text) and not has_title:
            return 0
        return seen.first - 1 if has_title or is_hidden else 0

    def _footer(self, seen: Table) -> Entry:
        line = seen.footer[0][0]
        last = seen.rows[-1][0] if seen.rows else seen.first
        pattern = footers.pattern_of(self.lines, line, self.lines[:last])
        return {"footer": [pattern]} if pattern else {}

    def _tried(self, entry: Entry, shows: int) -> Proposal:
        part = SampledPart(self.part.name, self.part.path, data=self.sample.data)
        whole = self.sample.is_whole
        return tried(part, entry, shows=shows, most=10**12, is_whole=whole)


def _of_dialect(dialect: Dialect, encoding: str) -> Entry:
    """Write what differs from the defaults."""
    entry: Entry = {} if encoding == "utf-8" else {"encoding": encoding}
    usual = Dialect()
    if dialect.delimiter != usual.delimiter:
        entry["delimiter"] = dialect.delimiter
    if dialect.quotechar != usual.quotechar:
        entry["quotechar"] = dialect.quotechar or ""
    if dialect.escapechar:
        entry["escapechar"] = dialect.escapechar
    return entry


def _trailing(seen: Table, delimiter: str) -> str:
    """Find a delimiter that ends rows, but not the header."""
    if not seen.header:
        return ""
    width = max(map(len, seen.header))
    if not any(cells[-1].strip() for cells in seen.header if len(cells) == width):
        return ""
    longer = [cells for _, cells in seen.rows if len(cells) > width]
    if longer and all(len(c) == width + 1 and not c[-1] for c in longer):
        return delimiter
    return ""
