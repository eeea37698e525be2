"""The delimiter and the quotes by which a text has most of a table.

Delimiters are weighed as by van den Burg, Nazábal and Sutton, "Wrangling messy CSV files by
detecting row and type patterns" (2019): the better one gives many rows of one width, and cells that
are values.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence

from entrepot_tap_csv.definitions import Dialect
from entrepot_tap_csv.records import Record

_DELIMITERS = ",;\t|:~^!#*&$"
_LIKELY = ",;\t|"
_ROWS = 1000  # that are weighed
_VALUE = re.compile(
    r"""\s*(?:
    [+-]?[$€£]?\d{1,3}(?:[ .,'\u00a0\u202f\u2009]\d{3})*(?:[.,]\d+)?\s?[%€$£]?  # numbers
    | [+-]?\d*(?:[.,]\d+)?(?:[eE][+-]?\d+)?\s?[%€$£]?
    | \d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}  # dates
      (?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?
    | \d{1,2}:\d{2}(?::\d{2})?
    | [\w.+-]+@[\w.-]+ | https?://\S+
    | [^\W\d_][^;|\t"]*? | [\w(/.*#+-][^,;|\t"]*  # words
    )\s*""",
    re.VERBOSE,
)


def separator_line(text: str) -> str | None:
    """Find the delimiter that Excel's own first line names.

    Args:
        text: Of the file.

    Returns:
        The delimiter; None where no such line is.
    """
    said = re.match(r'"?sep=(.)"?\r?\n', text, re.IGNORECASE)
    return said[1] if said else None


def guessed(text: str) -> Dialect:
    """Find how a text is cut into cells.

    Args:
        text: The beginning of a file.

    Returns:
        The dialect; its encoding is not looked at.
    """
    said = separator_line(text)
    head = text[: 256 * 1024]
    if len(text) > len(head):
        head = head[: head.rfind("\n") + 1] or head
    chosen = said if said and said.isascii() else _delimiter(head)
    return Dialect(chosen, *_quoting(head, chosen))


def _delimiter(text: str) -> str:
    there = [sign for sign in _DELIMITERS if sign in text]
    scores = {
        sign: _score(text, sign) * (1 if sign in _LIKELY else 0.3) for sign in there
    }
    best = max(scores, key=lambda sign: scores[sign], default=",")
    return best if scores.get(best, 0) > 0 else ","


def _score(text: str, delimiter: str) -> float:
    rows = [
        cells for _, cells in records(text, Dialect(delimiter), _ROWS) if any(cells)
    ]
    if not rows:
        return 0
    widths = Counter(map(len, rows))
    pattern = sum(n * (width - 1) / width for width, n in widths.items()) / len(rows)
    common, count = widths.most_common(1)[0]
    if common == 1 and len(widths) > 1:
        count = max(n for width, n in widths.items() if width > 1) // 2
    cells = [cell for row in rows for cell in row]
    typed = sum(_VALUE.fullmatch(cell[:200]) is not None for cell in cells) / len(cells)
    return pattern * (count / len(rows)) * typed


def _quoting(text: str, delimiter: str) -> tuple[str | None, bool, str | None]:
    """Find the quote sign, whether it is written twice, and what escapes it."""
    cut = re.escape(delimiter)
    counts = {
        sign: len(
            re.findall(
                rf"(?:^|{cut}){sign}[^\n]*?{sign}(?={cut}|\r?$)", text, re.MULTILINE
            )
        )
        for sign in ('"', "'")
    }
    quote = (
        "'" if counts["'"] > 3 and not counts['"'] and _is_around(text, cut) else '"'
    )
    inner = len(re.findall(rf"\\{quote}(?!{cut}|\r?$)", text, re.MULTILINE))
    twice = len(re.findall(rf"[^{cut}\n]{quote}{quote}", text))
    if inner and not twice and counts[quote]:
        return quote, True, "\\"
    return quote, True, None


def _is_around(text: str, cut: str) -> bool:
    """Say whether single quotes stand around cells, and not inside words."""
    opening = len(re.findall(rf"(?:^|{cut})'", text, re.MULTILINE))
    return opening * 2 >= text.count("'") * 0.9


def records(text: str, dialect: Dialect, most: int = 10**9) -> list[Record]:
    """Cut a text leniently.

    Args:
        text: Of a file.
        dialect: How it is cut.
        most: How many records are enough.

    Returns:
        Records with the line on which each begins; blank lines are none.
    """
    found: list[Record] = []
    reader = csv.reader(
        io.StringIO(text.replace("\0", ""), newline=""),
        delimiter=dialect.delimiter,
        quotechar=dialect.quotechar,
        escapechar=dialect.escapechar,
        skipinitialspace=dialect.skipinitialspace,
        quoting=csv.QUOTE_MINIMAL if dialect.quotechar else csv.QUOTE_NONE,
    )
    line = 0
    try:
        for cells in reader:
            if cells:
                found.append((line + 1, cells))
            line = reader.line_num
            if len(found) >= most:
                break
    except csv.Error:
        return found
    return found


def width_of(rows: Sequence[Sequence[str]]) -> int:
    """Say how many cells most rows have.

    Args:
        rows: At least one.

    Returns:
        The most common number; of two, the greater.
    """
    counts = Counter(map(len, rows))
    most = max(counts.values())
    return max(width for width, count in counts.items() if count == most)
