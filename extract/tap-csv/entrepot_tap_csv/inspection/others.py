"""Definitions proposed for what is no cut text: sheets of workbooks, and JSON."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import ijson

from entrepot_tap_csv.definitions import JSON, JSON_LINES, ODS, XLSX
from entrepot_tap_csv.errors import Misfit
from entrepot_tap_csv.files import Part
from entrepot_tap_csv.formats import workbooks
from entrepot_tap_csv.inspection import table, types
from entrepot_tap_csv.inspection.names import named
from entrepot_tap_csv.inspection.trial import Entry, Proposal, tried
from entrepot_tap_csv.ranges import Range

_ROWS = 5000  # that are looked at
_MOST_SHEETS = 50
_LONGEST_PATH = 500  # signs
_EVENTS = 200_000  # of a JSON text, in which a list of objects is looked for


def workbook_kind(path: Path) -> str:
    """Say whether a file is a workbook.

    Args:
        path: On this machine.

    Returns:
        `xlsx`, `ods`, or nothing.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "xl/workbook.xml" in names:
                return XLSX
            if "content.xml" in names and "mimetype" in names:
                return ODS
    except (zipfile.BadZipFile, OSError):
        pass
    return ""


def of_workbook(
    part: Part, kind: str, base: Entry, *, shows: int, typed: bool
) -> Iterator[Proposal]:
    """Propose a definition for each sheet that holds a table.

    Args:
        part: The workbook.
        kind: `xlsx` or `ods`.
        base: The entity's name and the path.
        shows: How many rows are shown.
        typed: Whether types are proposed.

    Yields:
        Each proposal.
    """
    with part.open() as file:
        sheets = workbooks.sheets_of(file, part.name, kind)[:_MOST_SHEETS]
    for sheet in sheets:
        entry: Entry = {**base, "format": kind, "sheet": sheet}
        if len(sheets) > 1:
            entry["entity"] = (
                f"{base['entity']}_{re.sub(r'[^0-9a-z]+', '_', sheet.lower())}"
            )
        with part.open() as file:
            found = workbooks.rows(file, part.name, kind, sheet, Range())
            rows = [each for each in islice(found, _ROWS + 1) if any(each[1])]
        is_whole = len(rows) <= _ROWS
        if len(rows) < 2:
            continue
        entry |= _of_rows(rows, is_whole=is_whole, typed=typed)
        yield tried(part, entry, shows=shows, most=_ROWS, is_whole=is_whole)


def _of_rows(
    rows: list[tuple[int, list[str]]], *, is_whole: bool, typed: bool
) -> Entry:
    seen = table.found(rows, is_whole=is_whole)
    entry: Entry = {}
    if seen.first > rows[0][0]:
        entry["skip_lines"] = seen.first - 1
    if seen.footer:
        said = next((cell for cell in seen.footer[0][1] if cell), "")
        entry["footer"] = [re.escape(said[:40]).replace("\\ ", " ")]
    columns, naming = named(seen)
    entry |= naming
    cells = [row for _, row in seen.rows]
    told = types.proposed(columns, cells, comma_is_decimal=False) if typed else {}
    return {**entry, "columns": told} if told else entry


def json_kind(part: Part) -> str:
    """Say whether a file is JSON.

    Args:
        part: The file.

    Returns:
        `json`, `jsonl`, or nothing.
    """
    with part.open() as file:
        head = file.read(64 * 1024).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head.startswith((b"{", b"[")):
        return ""
    first, _, rest = head.partition(b"\n")
    is_line = first.rstrip().endswith(b"}") and first.startswith(b"{")
    is_more = rest.lstrip().startswith(b"{")
    return JSON_LINES if is_line and is_more else JSON


def of_json(part: Part, kind: str, base: Entry, *, shows: int, typed: bool) -> Proposal:
    """Propose a definition for objects of JSON.

    Args:
        part: The file.
        kind: `json` or `jsonl`.
        base: The entity's name and the path.
        shows: How many rows are shown.
        typed: Whether types are proposed.

    Returns:
        The proposal.
    """
    entry: Entry = {**base, "format": kind}
    if kind == JSON:
        path = _path_of_objects(part)
        entry |= {"json_path": path} if path else {}
    first = tried(part, entry, shows=_ROWS, most=_ROWS, is_whole=True)
    names = [name for name in first.rows[0] if not name.startswith("_source")]
    if typed:
        cells = [[_cell(row[name]) for name in names] for row in first.rows]
        told = types.proposed(names, cells, comma_is_decimal=False)
        entry |= {"columns": told} if told else {}
    return tried(part, entry, shows=shows, most=10**12, is_whole=True)


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _path_of_objects(part: Part) -> str:
    """Find the first list of objects."""
    with part.open() as file:
        try:
            for prefix, event, _ in islice(ijson.parse(file), _EVENTS):
                if len(prefix) > _LONGEST_PATH:
                    break
                if event == "start_map" and (
                    prefix == "item" or prefix.endswith(".item")
                ):
                    return str(prefix).removesuffix("item").removesuffix(".")
        except (ijson.JSONError, UnicodeDecodeError) as error:
            words = str(error).partition("\n")[0].strip()
            raise Misfit(part.name, f"is not JSON: {words}") from None
    raise Misfit(part.name, "has no list of objects")
