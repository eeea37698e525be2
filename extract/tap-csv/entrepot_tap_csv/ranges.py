"""Cells of a sheet that are read, as settings name them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384
_RANGE = re.compile(r"(?i)([A-Z]{1,3})([0-9]{1,7})(?::([A-Z]{1,3})([0-9]{1,7})?)?")


@dataclass(frozen=True)
class Range:
    """Cells of a sheet that are read, counted from 1; all by default."""

    first_row: int = 1
    last_row: int = MOST_ROWS
    first_column: int = 1
    last_column: int = MOST_COLUMNS

    def cut(self, row: Sequence[str]) -> list[str]:
        """Take of a row what is in the range, without empty cells at its end.

        Args:
            row: All cells.

        Returns:
            Those of the range.
        """
        cells = list(row[self.first_column - 1 : self.last_column])
        while cells and not cells[-1]:
            cells.pop()
        return cells


def range_of(text: str) -> Range | None:
    """Read a range as `B4`, `B4:F` or `B4:F200`.

    Args:
        text: As the settings have it; empty for the whole sheet.

    Returns:
        The range; None where it is none.
    """
    if not text:
        return Range()
    if (match := _RANGE.fullmatch(text.strip())) is None:
        return None
    column, row, last_column, last_row = match.groups()
    return Range(
        int(row),
        int(last_row or MOST_ROWS),
        _column(column),
        _column(last_column) if last_column else MOST_COLUMNS,
    )


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
