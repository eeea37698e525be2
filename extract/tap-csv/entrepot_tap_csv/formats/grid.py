"""Rows of a sheet as records: what is left out of them, as of the lines of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from entrepot_tap_csv import forgiven
from entrepot_tap_csv.errors import Misfit
from entrepot_tap_csv.forgiven import Forgiven
from entrepot_tap_csv.records import Batch, Record
from entrepot_tap_csv.shape import Shape

_TOGETHER = 1000  # records of a batch
_LONGEST_FOOTER = 100  # rows


class Grid:
    """Records of one sheet. Rows without a value are none.

    Args:
        rows: Each with its number from 1, without empty cells at its end.
        name: The file's, for errors.
        shape: What is left out.
        counts: Told of what was.
    """

    def __init__(
        self, rows: Iterator[Record], name: str, shape: Shape, counts: Forgiven
    ) -> None:
        self._name = name
        self._shape = shape
        self._counts = counts
        self._rows = self._left(rows)
        self._kept: list[Record] = []

    def first(self) -> Record | None:
        """Take the first record; None at the end."""
        return next(self._rows, None)

    def put_back(self, record: Record) -> None:
        """Have a record come again, among the others.

        Args:
            record: As `first` gave it.
        """
        self._kept.append(record)

    def batches(self) -> Iterator[Batch]:
        """Take the records that are left.

        Yields:
            Many at a time.
        """
        together = self._kept
        for record in self._rows:
            together.append(record)
            if len(together) >= _TOGETHER:
                yield Batch([], [], together)
                together = []
        if together:
            yield Batch([], [], together)

    def _left(self, rows: Iterator[Record]) -> Iterator[Record]:
        """Leave out titles, comments and the footer."""
        shape, counts = self._shape, self._counts
        footers = [re.compile(each) for each in shape.footer]
        footer_at = 0
        for number, cells in rows:
            if number <= shape.skip_lines:
                counts.add(forgiven.SKIPPED, number)
                continue
            said = next((cell for cell in cells if cell), "")
            if not said:
                continue
            if footer_at:
                self._check_footer(footer_at, number)
                counts.add(forgiven.FOOTERS, number)
            elif shape.comment and said.startswith(shape.comment):
                counts.add(forgiven.COMMENTS, number)
            elif any(each.match(said) for each in footers):
                footer_at = number
                counts.add(forgiven.FOOTERS, number)
            else:
                yield number, cells

    def _check_footer(self, first: int, number: int) -> None:
        if number - first > _LONGEST_FOOTER:
            raise Misfit(
                self._name,
                f"the row fits footer, but more than {_LONGEST_FOOTER} rows follow: it is none",
                line=first,
            )
