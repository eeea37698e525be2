"""Sheets of workbooks, row by row: xlsx by openpyxl, ods by a parser of its XML.

No library reads ods in parts: those that there are hold the whole sheet, whose size is the file's
own word, such as a cell that is there a billion times.
"""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections.abc import Iterator, Sequence
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

from entrepot_core.storage.bounded import BOMB_RATIO
from entrepot_tap_csv.definitions import ODS, XLSX
from entrepot_tap_csv.errors import Misfit, shown
from entrepot_tap_csv.ranges import MOST_COLUMNS, MOST_ROWS, Range
from entrepot_tap_csv.records import Record

_MOST_CELLS = 200_000_000  # empty ones included
_BOMB_SIZE = 64 * 1024**2  # unpacked bytes from which the ratio is looked at
_LONGEST_STRINGS = (
    256 * 1024**2
)  # bytes of what is not read in parts: texts that cells share
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_CELLS = (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell")
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


def rows(
    file: IO[bytes], name: str, kind: str, sheet: str | int, cells: Range
) -> Iterator[Record]:
    """Read a sheet.

    Args:
        file: Open for reading.
        name: For errors.
        kind: `xlsx` or `ods`.
        sheet: Its name, or its number from 1; empty for the only one.
        cells: What of it is read.

    Yields:
        The number and the cells of each row.

    Raises:
        Misfit: If it is no such workbook, has no such sheet, or is too large.
    """
    read = _of_xlsx if kind == XLSX else _of_ods
    seen = 0
    try:
        for number, row in read(file, name, sheet):
            seen += max(1, len(row))
            if number > MOST_ROWS or len(row) > MOST_COLUMNS or seen > _MOST_CELLS:
                raise Misfit(
                    name,
                    "has more rows, columns or cells than a sheet can",
                    line=number,
                )
            if number > cells.last_row:
                return
            if number >= cells.first_row:
                yield number, cells.cut(row)
    except (zipfile.BadZipFile, KeyError, ParseError, ValueError, EOFError) as error:
        raise Misfit(name, f"is no {kind} workbook, or damaged: {error}") from None


def sheets_of(file: IO[bytes], name: str, kind: str) -> list[str]:
    """List the sheets of a workbook.

    Args:
        file: Open for reading.
        name: For errors.
        kind: `xlsx` or `ods`.

    Returns:
        Their names; hidden ones are not among those of an xlsx file.

    Raises:
        Misfit: If it is no such workbook.
    """
    try:
        if kind == XLSX:
            book = _opened(file, name)
            return [
                each.title for each in book.worksheets if each.sheet_state == "visible"
            ]
        return [
            element.get(f"{_TABLE}name", "")
            for event, element in _events(file, name)
            if event == "start" and element.tag == f"{_TABLE}table"
        ]
    except (zipfile.BadZipFile, KeyError, ParseError, ValueError, EOFError) as error:
        raise Misfit(name, f"is no {kind} workbook, or damaged: {error}") from None


def _chosen(names: Sequence[str], sheet: str | int, name: str) -> int:
    """Find a sheet's place."""
    listed = ", ".join(map(shown, names[:20]))
    if sheet == "":
        if len(names) == 1:
            return 0
        raise Misfit(name, f"has {len(names)} sheets: set sheet to one of {listed}")
    if isinstance(sheet, int) and 1 <= sheet <= len(names):
        return sheet - 1
    if sheet not in names:
        raise Misfit(name, f"has no sheet {sheet!r}; there is {listed}")
    return names.index(str(sheet))


def _check_sizes(archive: zipfile.ZipFile, name: str) -> None:
    """Refuse what unpacks to far more than tables do; zipfile gives no more than is declared."""
    for each in archive.infolist():
        if (
            each.file_size > _BOMB_SIZE
            and each.file_size > each.compress_size * BOMB_RATIO
        ):
            raise Misfit(
                name,
                f"its part {shown(each.filename)} unpacks to more than {BOMB_RATIO} times its "
                "size: is this what was meant?",
            )


# -- xlsx


def _opened(file: IO[bytes], name: str) -> Any:
    import openpyxl

    with zipfile.ZipFile(file) as archive:
        _check_sizes(archive, name)
        whole = [e for e in archive.infolist() if "/worksheets/" not in e.filename]
        if sum(each.file_size for each in whole) > _LONGEST_STRINGS:
            raise Misfit(
                name,
                f"holds more than {_LONGEST_STRINGS:,} bytes beside its sheets: is this what "
                "was meant?",
            )
    file.seek(0)
    return openpyxl.load_workbook(file, read_only=True, data_only=True)


def _of_xlsx(
    file: IO[bytes], name: str, sheet: str | int
) -> Iterator[tuple[int, list[str]]]:
    book = _opened(file, name)
    if sheet == "":
        visible = [s.title for s in book.worksheets if s.sheet_state == "visible"]
        sheet = visible[0] if len(visible) == 1 else ""
    there = [each.title for each in book.worksheets]
    chosen = book.worksheets[_chosen(there, sheet, name)]
    chosen.reset_dimensions()  # what the file says of its size need not be so
    for number, row in enumerate(chosen.iter_rows(), 1):
        yield number, [_text_of(cell) for cell in row]
    book.close()


def _text_of(cell: Any) -> str:
    value = cell.value
    if type(value) is str:
        return value
    if value is None:
        return ""
    if type(value) is bool:
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        has_time = re.search(r"[hHsS]", cell.number_format)
        return value.isoformat(" ") if has_time else value.date().isoformat()
    return str(value)


# -- ods


def _events(file: IO[bytes], name: str) -> Iterator[tuple[str, Element]]:
    """Give the elements of a workbook's content as they begin and end."""
    from defusedxml.ElementTree import iterparse

    with zipfile.ZipFile(file) as archive:
        _check_sizes(archive, name)
        with archive.open("content.xml") as content:
            yield from iterparse(content, events=("start", "end"))


def _of_ods(
    file: IO[bytes], name: str, sheet: str | int
) -> Iterator[tuple[int, list[str]]]:
    number = 0
    for row, again in _ods_rows(
        file, name, _chosen(sheets_of(file, name, ODS), sheet, name)
    ):
        if row and number + again > MOST_ROWS:
            raise Misfit(name, "has more rows than a sheet can", line=number + 1)
        for at in range(again if row else 0):
            yield number + at + 1, row
        number += again


def _ods_rows(
    file: IO[bytes], name: str, place: int
) -> Iterator[tuple[list[str], int]]:
    """Give the rows of a sheet, and how often each is there."""
    at, cells = -1, _Cells(name)
    table: Element | None = None
    for event, element in _events(file, name):
        tag = element.tag
        if event == "start":
            if tag == f"{_TABLE}table":
                at, table = at + 1, element
        elif tag in _CELLS:
            cells.add(element)
            element.clear()
        elif tag == f"{_TABLE}table-row" and table is not None:
            row = cells.taken(), _repeated(element, "rows")
            table.clear()  # so that the rows behind take no memory
            if at == place:
                yield row


class _Cells:
    """The cells of the row at hand; empty ones at its end may be there a million times.

    Args:
        name: The file's, for errors.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._cells: list[str] = []
        self._empty = self._count = 0

    def add(self, element: Element) -> None:
        """Take one more."""
        text, again = _ods_text(element), _repeated(element, "columns")
        self._count += 1
        if self._count > MOST_COLUMNS or (
            text and len(self._cells) + self._empty + again > MOST_COLUMNS
        ):
            raise Misfit(self._name, f"a row has more than {MOST_COLUMNS:,} cells")
        if not text:
            self._empty += again
            return
        self._cells += [""] * self._empty + [text] * again
        self._empty = 0

    def taken(self) -> list[str]:
        """Give the row, and begin the next one."""
        cells, self._cells = self._cells, []
        self._empty = self._count = 0
        return cells


def _repeated(element: Element, what: str) -> int:
    return int(element.get(f"{_TABLE}number-{what}-repeated", "1"))


_VALUES = {
    "float": "value",
    "percentage": "value",
    "currency": "value",
    "date": "date-value",
    "time": "time-value",
    "boolean": "boolean-value",
}


def _ods_text(cell: Element) -> str:
    kind = cell.get(f"{_OFFICE}value-type", "")
    if kind in _VALUES:
        return cell.get(f"{_OFFICE}{_VALUES[kind]}", "").replace("T", " ")
    if (said := cell.get(f"{_OFFICE}string-value")) is not None:
        return said
    return "\n".join("".join(_spelled(each)) for each in cell.findall(f"{_TEXT}p"))


def _spelled(element: Element) -> Iterator[str]:
    """Give a paragraph's text, in which blanks, tabs and line breaks are elements."""
    yield element.text or ""
    for child in element:
        if child.tag == f"{_TEXT}s":
            yield " " * min(int(child.get(f"{_TEXT}c", "1")), 1000)
        elif child.tag in (f"{_TEXT}tab", f"{_TEXT}line-break"):
            yield "\t" if child.tag == f"{_TEXT}tab" else "\n"
        else:
            yield from _spelled(child)
        yield child.tail or ""
