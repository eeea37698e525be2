"""Records of one file as rows of a table: checked, and written for COPY or as Singer's records."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from entrepot_core.base.text import form
from entrepot_tap_csv import forgiven, quotes
from entrepot_tap_csv.errors import Misfit
from entrepot_tap_csv.forgiven import Forgiven
from entrepot_tap_csv.records import Batch, Record
from entrepot_tap_csv.values import Column, NoSuchValue, Reader

FILE, LINE = "_source_file", "_source_line"

_NULL = "\0"  # no text holds it

Values = Sequence[str]


@dataclass
class Layout:
    """How the records of one file become rows.

    Attributes:
        file: The file's name.
        columns: What the file's cells are, in their order.
        extra: Cells that may stand behind them, empty: columns without a name.
        constants: Columns that the file does not have, and their value.
        delimiter: Between the file's cells; also in what is written for COPY.
        numbered: Columns that hold the line's number.
        fills: Whether a row with too few cells is filled with NULL.
        counts: Told of such rows.
    """

    file: str
    columns: list[Column]
    extra: int
    constants: dict[str, str]
    delimiter: str
    numbered: list[str] = field(default_factory=lambda: [LINE])
    fills: bool = False
    counts: Forgiven = field(default_factory=Forgiven)

    def __post_init__(self) -> None:
        """Prepare what each batch needs."""
        self._cut = self.delimiter.encode()
        self._special = re.compile(rf"[\\\n\r\0{re.escape(self.delimiter)}]")
        self._escapes = str.maketrans(
            {
                "\\": r"\\",
                "\n": r"\n",
                "\r": r"\r",
                _NULL: r"\N",
                self.delimiter: f"\\{self.delimiter}",
            }
        )
        # An empty cell can stand for NULL wherever no text may be empty.
        texts = (column for column in self.columns if column.kind == "text")
        self.null = "" if all("" in each.null_values for each in texts) else _NULL
        self._readers: list[tuple[int, Reader]] = [
            (place, column.reader(self.null))
            for place, column in enumerate(self.columns)
            if self.null or not column.is_plain
        ]
        self._template = self._ending()
        self._is_row = self._as_it_stands()

    @property
    def names(self) -> list[str]:
        """The columns, in the order in which they are written for COPY."""
        names = [column.name for column in self.columns]
        return [*names, *self.constants, *self.numbered]

    def _ending(self) -> bytes:
        """Write what follows the cells of each row: constants, and the line's number."""
        values = (value.translate(self._escapes) for value in self.constants.values())
        ending = self.delimiter.join(["", *values]).encode().replace(b"%", b"%%")
        return b"%b" + ending + (self._cut + b"%d") * len(self.numbered)

    def _as_it_stands(self) -> Callable[[bytes], object] | None:
        """Make what tells whether a line can be written as it is; None where few lines can."""
        cells = [
            column.as_it_stands(self.null, self.delimiter) for column in self.columns
        ]
        if None in cells:
            return None
        line = re.escape(self.delimiter).join(cells)  # type: ignore[arg-type]
        return re.compile(line.encode()).fullmatch

    # -- for COPY

    def copied(self, batch: Batch) -> tuple[bytes, int]:
        """Write records as lines of COPY's text format.

        Args:
            batch: The records.

        Returns:
            The lines, and how many there are.

        Raises:
            Misfit: If one does not fit; it says where, and what.
        """
        lines, numbers, records = batch.lines, batch.numbers, batch.records
        if lines and not self._are_rows(batch):
            lines, numbers, records = [], [], self._all(batch)
        written = self._ended(lines, numbers)
        if records:
            written += self._ended(
                self._written(records), [each[0] for each in records]
            )
        count = len(written)
        written.append(b"")
        return b"\n".join(written), count

    def _are_rows(self, batch: Batch) -> bool:
        """Say whether lines can be written as they are."""
        if self._readers:
            return self._is_row is not None and all(map(self._is_row, batch.lines))
        cut, cuts = self._cut, len(self.columns) - 1
        counts = [line.count(cut) for line in batch.lines]
        return counts.count(cuts) == len(counts)

    def _ended(self, lines: list[bytes], numbers: Sequence[int]) -> list[bytes]:
        ending, again = self._template, len(self.numbered)
        pairs = zip(lines, numbers, strict=True)
        if again == 1:
            return [ending % pair for pair in pairs]
        return [ending % (line, *[number] * again) for line, number in pairs]

    def _written(self, records: list[Record]) -> list[bytes]:
        columns = self._values(records)
        for place, values in enumerate(columns):
            if self._special.search("".join(values)):
                columns[place] = [value.translate(self._escapes) for value in values]
        cut = self.delimiter
        return [cut.join(values).encode() for values in zip(*columns, strict=True)]

    # -- for Singer

    def records(self, batch: Batch) -> Iterator[dict[str, Any]]:
        """Give records as Singer has them.

        Args:
            batch: The records.

        Yields:
            Values by column.

        Raises:
            Misfit: If one does not fit; it says where, and what.
        """
        records = self._all(batch)
        if not records:
            return
        columns = [
            [None if value == self.null else column.as_json(value) for value in values]
            for column, values in zip(self.columns, self._values(records), strict=True)
        ]
        names = [column.name for column in self.columns]
        for (number, _), row in zip(records, zip(*columns, strict=True), strict=True):
            yield {
                **dict(zip(names, row, strict=True)),
                **self.constants,
                **dict.fromkeys(self.numbered, number),
            }

    # -- what both need

    def _all(self, batch: Batch) -> list[Record]:
        """Give all records by their cells, in the file's order."""
        records = self._cells(batch)
        return sorted([*records, *batch.records]) if batch.records else records

    def _cells(self, batch: Batch) -> list[Record]:
        if not batch.lines:
            return []
        rows = quotes.cells_of(batch.lines, self.delimiter)
        return list(zip(batch.numbers, rows, strict=True))

    def _values(self, records: list[Record]) -> list[Values]:
        """Give the values by column, as PostgreSQL reads them."""
        columns = self._by_column(records)
        for place, read in self._readers:
            columns[place] = self._read(place, read, columns[place], records)
        return columns

    def _by_column(self, records: list[Record]) -> list[Values]:
        width = len(self.columns)
        rows = [
            cells if len(cells) == width else self._fitted(number, cells)
            for number, cells in records
        ]
        return list(zip(*rows, strict=True))

    def _fitted(self, number: int, cells: list[str]) -> list[str]:
        """Leave out empty cells of columns without a name; anything else does not fit."""
        width = len(self.columns)
        if width < len(cells) <= width + self.extra and not any(cells[width:]):
            return cells[:width]
        if len(cells) < width and self.fills:
            self.counts.add(forgiven.SHORT, number)
            return [*cells, *[self.null] * (width - len(cells))]
        if len(cells) < width:
            missing = self.columns[len(cells)].name
            raise Misfit(
                self.file,
                f"{len(cells)} cells where {width} are needed; the last looks like "
                f"{form(cells[-1])}",
                line=number,
                column=missing,
            )
        raise Misfit(
            self.file,
            f"{len(cells)} cells where there are {width} columns; the first too many "
            f"looks like {form(cells[width])}: is a cell that holds {self.delimiter!r} not quoted?",
            line=number,
        )

    def _read(
        self, place: int, read: Reader, cells: Values, records: list[Record]
    ) -> Values:
        try:
            return read(cells)
        except NoSuchValue:
            self._refuse(place, read, cells, records)

    def _refuse(
        self, place: int, read: Reader, cells: Values, records: list[Record]
    ) -> NoReturn:
        """Find the first cell that does not fit."""
        column = self.columns[place]
        pairs = zip(records, cells, strict=True)
        number, cell = next(
            (n, cell) for (n, _), cell in pairs if not _fits(read, cell)
        )
        raise Misfit(
            self.file,
            f"what looks like {form(cell)} is not {column.expects}",
            line=number,
            column=column.name,
        ) from None


def _fits(read: Reader, cell: str) -> bool:
    try:
        read([cell])
    except NoSuchValue:
        return False
    return True
