"""Where a table is among a file's records: titles before it, its header, its footer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from entrepot_tap_csv.records import Record

_LONGEST_TITLE = 60  # records before a header
_MOST_HEADERS = 5
_LONGEST_FOOTER = 60  # records
_SENTENCE = 25  # signs from which a lone cell is no name
_NUMBER = re.compile(
    r"[+-]?[\d\s.,'\u00a0\u202f\u2009]*\d[\d\s.,\u00a0\u202f]*\s?[%€$£]?"
)
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*")
_YEAR = re.compile(r"(?:19|20|21)\d\d")
_TOTAL = re.compile(
    r"(?i)[\W_]*(?:grand |sub)?(?:total|ensemble|somme|moyenne|average)\b"
)
_LAST_WORDS = re.compile(
    r"(?i)[\W_]*(?:sources?\b|notes?\b|champ\b|lecture\b|légende|legend|remarque|\(\w\)|\*|n\.?b\b|"
    r"fin de|end of|données|data |copyright|©|mise à jour|last updated|updated|\d+ rows|"
    r"\(?\d+ lignes)"
)


@dataclass(frozen=True)
class Table:
    """Where a table is.

    Attributes:
        first: The line of its header, or of its first row, from 1.
        header_rows: Rows of the header; 0 for none.
        header: Their cells.
        rows: The rows.
        footer: Records behind the last row.
    """

    first: int
    header_rows: int
    header: list[list[str]]
    rows: list[Record]
    footer: list[Record]


def found(records: Sequence[Record], *, is_whole: bool) -> Table:
    """Find the table.

    Args:
        records: Of the file; at least one.
        is_whole: Whether they are all, so that there may be a footer.

    Returns:
        The table.
    """
    width = _width(records)
    start = _start(records, width)
    end = _end(records, start, width) if is_whole else len(records)
    start, count = _header(records, start, end, width)
    head = [cells for _, cells in records[start : start + count]]
    return Table(
        records[start][0],
        count,
        head,
        list(records[start + count : end]),
        list(records[end:]),
    )


def _filled(cells: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in cells)


def _trimmed(cells: Sequence[str]) -> int:
    """Count cells up to the last that is not empty."""
    return max((at for at, cell in enumerate(cells, 1) if cell.strip()), default=0)


def _width(records: Sequence[Record]) -> int:
    """Say how many cells most records have, those of titles and footers aside."""
    wide = [_trimmed(cells) for _, cells in records if _filled(cells) > 1]
    counts = Counter(wide or [_trimmed(cells) for _, cells in records])
    most = max(counts.values())
    # Rows whose last cells are empty look narrower: the widest of what is frequent counts.
    return max(
        width
        for width, count in counts.items()
        if count == most or (count > 1 and count * 4 >= most)
    )


def _is_value(cell: str) -> bool:
    text = cell.strip()
    return bool(_NUMBER.fullmatch(text) or _DATE.fullmatch(text))


def _start(records: Sequence[Record], width: int) -> int:
    """Find the first record that is as full as a header, or a row."""
    leading = records[:_LONGEST_TITLE]
    fits = [at for at, (_, cells) in enumerate(leading) if len(cells) == width]
    # Sentences before a blank line are no header, however many delimiters they have.
    before = [
        at for at in range(fits[0] if fits else 0) if _stands_apart(records, at, width)
    ]
    for at in range(before[-1] + 1 if before else 0, len(leading)):
        cells = leading[at][1]
        filled = _filled(cells)
        wanted = width if width < 3 else max(2, width * 0.6)
        if filled >= wanted or (filled >= 2 and _is_row_like(records, at, width)):
            return at + _leads(records, at)
    return 0


def _stands_apart(records: Sequence[Record], at: int, width: int) -> bool:
    """Say whether a record of another width stands before a blank line, as a sentence does."""
    line, cells = records[at]
    if at + 1 >= len(records) or width in (len(cells), _trimmed(cells)):
        return False
    if any(_is_value(cell) for cell in cells):
        return False  # a table before this one
    return records[at + 1][0] - line > 1 + sum(cell.count("\n") for cell in cells)


def _leads(records: Sequence[Record], at: int) -> bool:
    """Say whether a record names groups of the columns that the next one names."""
    if at + 1 >= len(records):
        return False
    cells, names = records[at][1], records[at + 1][1]
    return _names_groups(cells, names) and _filled(names) > _filled(cells)


def _is_row_like(records: Sequence[Record], at: int, width: int) -> bool:
    """Say whether a sparse record has as many cells, and as few values, as those below it."""
    if len(records[at][1]) != len(records[min(at + 1, len(records) - 1)][1]):
        return False
    below = [_filled(cells) for _, cells in records[at + 1 : at + 30]]
    return bool(below) and _filled(records[at][1]) >= sorted(below)[len(below) // 2]


def _end(records: Sequence[Record], start: int, width: int) -> int:
    """Find where the footer begins."""
    end = len(records)
    least = max(start + 2, len(records) - _LONGEST_FOOTER)
    usual = sorted(_filled(cells) for _, cells in records[start : start + 500])
    sparse = usual[len(usual) // 2] if usual else width
    while end > least and _is_footer(records[end - 1][1], width, sparse):
        end -= 1
    # One word of the table's own is no footer: what begins by it must be at the end alone.
    while end < len(records) and _is_usual(records, end, start):
        end += 1
    return end


def _is_footer(cells: list[str], width: int, sparse: int) -> bool:
    first = next((cell for cell in cells if cell.strip()), "")
    if first.startswith("\x1a"):
        return True
    if width > 1 and _TOTAL.match(first):
        return True
    if width > 1 and _filled(cells) < min(3, sparse) and _LAST_WORDS.match(first):
        return True
    if _filled(cells) > 1 or sparse < 2:
        return False
    is_sentence = bool(cells[0].strip()) and len(first) > _SENTENCE
    return len(cells) != width or is_sentence


def _is_usual(records: Sequence[Record], at: int, start: int) -> bool:
    first = records[at][1][0]
    return bool(first.strip()) and any(
        cells[0] == first for _, cells in records[start:at]
    )


def _header(
    records: Sequence[Record], start: int, end: int, width: int
) -> tuple[int, int]:
    """Find the header's first record and how many make it up."""
    body = [cells for _, cells in records[start + 1 : min(end, start + 400)]]
    first = records[start][1]
    # The first row may be one of the header's: codes, or units.
    numeric = _numeric(body[1:] if len(body) > 2 else body, width)
    if not _is_header(first, body, numeric):
        return start, 0
    above = _above(records, start)
    below = _below(records, start, end, numeric)
    return start - above, above + 1 + below


def _numeric(body: Sequence[Sequence[str]], width: int) -> set[int]:
    """Find the columns of which most cells are values and not words."""
    found = set()
    for place in range(width):
        cells = [row[place] for row in body if place < len(row) and row[place].strip()]
        if cells and sum(map(_is_value, cells)) * 10 >= len(cells) * 7:
            found.add(place)
    return found


def _is_header(
    first: Sequence[str], body: Sequence[Sequence[str]], numeric: set[int]
) -> bool:
    if not body:
        return True
    there = [place for place in sorted(numeric) if place < len(first)]
    values = [first[place] for place in there if first[place].strip()]
    if any(not _is_value(cell) for cell in values):
        return True
    if values:
        years = [cell.strip() for cell in values if _YEAR.fullmatch(cell.strip())]
        return len(years) == len(values) > 1 and len(set(years)) == len(years)
    if any(_is_value(cell) for cell in first):
        return False
    seen = [
        {row[place] for row in body if place < len(row)} for place in range(len(first))
    ]
    again = sum(cell in seen[place] for place, cell in enumerate(first) if cell.strip())
    return again * 2 < _filled(first) or _filled(first) == 0


def _above(records: Sequence[Record], start: int) -> int:
    """Count rows right above that name groups of columns."""
    count, names = 0, records[start][1]
    while count < _MOST_HEADERS and start - count - 1 >= 0:
        line, cells = records[start - count - 1]
        is_next = records[start - count][0] - line == 1 + sum(
            c.count("\n") for c in cells
        )
        if not is_next or not _names_groups(cells, names):
            break
        count += 1
    return count


def _names_groups(cells: Sequence[str], names: Sequence[str]) -> bool:
    filled = _filled(cells)
    if _trimmed(cells) > len(names) or not filled:
        return False
    if filled == 1:
        return not cells[0].strip() and _has_twice(names)
    is_parted = any(not cell.strip() for cell in cells[1:])
    needs = _has_twice(names) or any(not name.strip() for name in names)
    if not cells[0].strip():
        return is_parted or _has_twice(names)
    return is_parted and needs


def _has_twice(names: Sequence[str]) -> bool:
    there = [name for name in names if name.strip()]
    return len(set(there)) < len(there)


def _below(records: Sequence[Record], start: int, end: int, numeric: set[int]) -> int:
    """Count rows right below that go on with the header: codes, units, second lines of names."""
    count = 0
    while count < _MOST_HEADERS and start + count + 2 < end:
        cells = records[start + count + 1][1]
        if not _goes_on(cells, numeric):
            break
        count += 1
    return count


def _goes_on(cells: Sequence[str], numeric: set[int]) -> bool:
    there = [cells[place].strip() for place in numeric if place < len(cells)]
    filled = [cell for cell in there if cell]
    words = [
        cell for cell in filled if not _is_value(cell) and any(map(str.isalpha, cell))
    ]
    is_said = len(words) == len(filled) and len(words) * 2 >= len(numeric)
    is_long = all(len(cell) > 2 for cell in words) or any("(" in cell for cell in words)
    is_below = is_long or not cells[0].strip()
    return len(numeric) > 1 and is_said and is_below and not any(map(_is_value, cells))
