"""A part's header: where it is, and what it calls the columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from entrepot_tap_csv import names
from entrepot_tap_csv.definitions import IF_PRESENT, WORKBOOKS, Definition
from entrepot_tap_csv.errors import Misfit
from entrepot_tap_csv.files import Part
from entrepot_tap_csv.forgiven import Forgiven
from entrepot_tap_csv.formats import workbooks
from entrepot_tap_csv.formats.grid import Grid
from entrepot_tap_csv.lines import Lines
from entrepot_tap_csv.ranges import Range, range_of
from entrepot_tap_csv.records import Record, Records
from entrepot_tap_csv.shape import NUMBER
from entrepot_tap_csv.text import Text


@dataclass(frozen=True)
class Head:
    """Reads a part's header.

    Attributes:
        part: The part.
        definition: What the settings say.
        counts: Told of what they let pass.
    """

    part: Part
    definition: Definition
    counts: Forgiven

    def records(self, file: IO[bytes]) -> Records | Grid:
        """Cut the file into records, the header among them.

        Args:
            file: Open for reading.

        Returns:
            The records.
        """
        definition, name = self.definition, self.part.name
        if definition.format in WORKBOOKS:
            cells = range_of(definition.range) or Range()
            rows = workbooks.rows(
                file, name, definition.format, definition.sheet, cells
            )
            return Grid(rows, name, definition.shape, self.counts)
        dialect = definition.dialect
        blocks = Text(file, name, dialect.encoding).blocks()
        lines = Lines(blocks, name, dialect, definition.shape, self.counts)
        return Records(lines.blocks(), name, dialect)

    def taken_from(self, records: Records | Grid) -> tuple[list[str], int]:
        """Take the header, if there is one, and give the names of columns.

        Args:
            records: Of the part, from its beginning.

        Returns:
            The names, and how many columns without one may follow.

        Raises:
            Misfit: If there is none, or it is not what the settings say.
        """
        definition = self.definition
        given, skips = definition.field_names, definition.skip_header
        if given:
            first = self._rows(records) if skips else []
            if first and skips == IF_PRESENT:
                cells = names.joined([row for _, row in first])
                if not names.is_header(cells, given):
                    for each in first:
                        records.put_back(each)
            return given, 0
        rows = self._rows(records)
        if not rows:
            raise Misfit(self.part.name, "is empty: there is not even a header")
        cells = names.joined([row for _, row in rows])
        shape = definition.shape
        naming = names.Naming(
            definition.normalize_headers,
            shape.empty_names == NUMBER,
            shape.duplicate_names == NUMBER,
        )
        found = names.of_header(cells, self.part.name, rows[0][0], naming, self.counts)
        return found, len(cells) - len(found)

    def _rows(self, records: Records | Grid) -> list[Record]:
        wanted = range(self.definition.shape.header_rows)
        found = (records.first() for _ in wanted)
        return [record for record in found if record is not None]
