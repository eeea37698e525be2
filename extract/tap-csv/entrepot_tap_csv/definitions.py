"""What the settings say of one stream's files."""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from entrepot_core.base.suggest import nearest
from entrepot_tap_csv import shape
from entrepot_tap_csv.errors import CannotRead
from entrepot_tap_csv.ranges import range_of
from entrepot_tap_csv.shape import Shape
from entrepot_tap_csv.values import KINDS, Column

CSV, JSON_MAPS = "csv", "json-maps"
XLSX, ODS, JSON, JSON_LINES = "xlsx", "ods", "json", "jsonl"
WORKBOOKS, OBJECTS = (XLSX, ODS), (JSON, JSON_LINES)
KEEP, REMOVE = "keep", "remove"
IF_PRESENT = "if_present"
_NO_DELIMITER = frozenset("\\.abcdefghijklmnopqrstuvwxyz0123456789")


@dataclass(frozen=True)
class Dialect:
    """How a file's text is cut into cells.

    Attributes:
        delimiter: Between cells; one character of ASCII.
        quotechar: Around cells that hold a delimiter or a line break; None: there are no quotes.
        doublequote: Whether a quote inside quotes is written twice.
        escapechar: Takes the meaning from the character after it; None: there is none.
        skipinitialspace: Whether blanks after a delimiter are left out.
        encoding: As Python names it; a byte order mark is left out.
    """

    delimiter: str = ","
    quotechar: str | None = '"'
    doublequote: bool = True
    escapechar: str | None = None
    skipinitialspace: bool = False
    encoding: str = "utf-8"

    def problems(self) -> list[str]:
        """Say what cannot be."""
        found = []
        for name in ("delimiter", "quotechar", "escapechar"):
            sign = getattr(self, name)
            if sign is None and name != "delimiter":
                continue
            if not sign or len(sign) != 1 or not sign.isascii() or sign in "\r\n\0":
                found.append(f"{name} is {sign!r}: one character of ASCII is needed")
        if self.delimiter in _NO_DELIMITER:
            found.append(f"delimiter is {self.delimiter!r}: COPY cannot use this one")
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            found.append(f"encoding {self.encoding!r} is unknown")
        return found


@dataclass(frozen=True)
class Definition:
    """What one stream is made of.

    Attributes:
        entity: The stream's name, and the table's.
        path: A file, folder, pattern, http(s) or s3 URL.
        keys: The columns that tell rows apart.
        dialect: How cells are cut.
        shape: What is no row, and what is forgiven.
        format: `csv`, `json-maps`, `xlsx`, `ods`, `json` or `jsonl`.
        sheet: Of a workbook, the sheet's name or its number from 1; empty for the only one.
        range: Of a sheet, the cells that are read, as `B4:F`; empty for all.
        json_path: The names that lead to the list of objects in a JSON text.
        map: Of a JSON object of maps, the one that is read.
        field_names: The columns, where no header names them.
        skip_header: Whether the first line is left out although the names are given.
        normalize_headers: Whether names are made lower case, blanks `_`, and so on.
        columns: What is known of some columns: their types and spellings.
        null_values: Spellings of NULL in all columns that do not say otherwise.
        decimal: The decimal mark of numbers.
        constants: Columns that the files do not have, with their value.
        removed_files: What becomes of the rows of a file that is no more there.
        settings: The digest of all that changes how a file reads.
    """

    entity: str
    path: str
    keys: list[str] = field(default_factory=list)
    dialect: Dialect = field(default_factory=Dialect)
    shape: Shape = field(default_factory=Shape)
    format: str = CSV
    sheet: str | int = ""
    range: str = ""
    json_path: str = ""
    map: str = ""
    field_names: list[str] = field(default_factory=list)
    skip_header: bool | str = IF_PRESENT
    normalize_headers: bool = False
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    null_values: list[str] = field(default_factory=lambda: [""])
    decimal: str = "."
    constants: dict[str, str] = field(default_factory=dict)
    removed_files: str = KEEP

    @property
    def settings(self) -> str:
        """Sum up what a file's rows depend on beside the file."""
        told = asdict(self)
        for name in ("path", "removed_files"):
            del told[name]
        del told["shape"]
        for name in ("sheet", "range", "json_path"):
            if not told[name]:
                del told[name]
        told |= self.shape.told  # so that a setting that nobody uses changes nothing
        text = json.dumps(told, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def column(self, name: str) -> Column:
        """Say how a column's values read.

        Args:
            name: The column's.

        Returns:
            The column as declared, or as text.
        """
        told = {
            "decimal": self.decimal,
            "null_values": self.null_values,
            **self.columns.get(name, {}),
        }
        return Column(
            name,
            told.get("type", "text"),
            told.get("format"),
            told["decimal"],
            told.get("thousands", ""),
            told.get("unit", ""),
            tuple(told["null_values"]),
        )


def read(entry: Mapping[str, Any]) -> Definition:
    """Read one entry of the setting `files`.

    Args:
        entry: As the configuration has it.

    Returns:
        The definition.

    Raises:
        CannotRead: With everything that is wrong with it.
    """
    entity = entry.get("entity") or ""
    told = {name: value for name, value in entry.items() if value is not None}
    names = set(Dialect.__dataclass_fields__)
    cut = {name: told.pop(name) for name in list(told) if name in names}
    outer = {name: told.pop(name) for name in list(told) if name in _OF_SHAPE}
    told.pop("strict", None)  # of MeltanoLabs' tap: here nothing else is possible
    problems = _unknown(told)
    if "quotechar" in entry and not entry["quotechar"]:
        cut["quotechar"] = None
    definition = Definition(
        dialect=Dialect(**cut),
        shape=shape.made(outer),
        **{"entity": "", "path": "", **{n: v for n, v in told.items() if n in _KNOWN}},
    )
    problems += definition.dialect.problems() + definition.shape.problems()
    problems += _problems(definition)
    if problems:
        raise CannotRead(
            "\n".join(f"files: entity {entity!r}: {each}" for each in problems)
        )
    return definition


_KNOWN = set(Definition.__dataclass_fields__) - {"dialect", "shape"}
_OF_SHAPE = set(Shape.__dataclass_fields__)


def _unknown(told: Mapping[str, Any]) -> list[str]:
    every = [*_KNOWN, *Dialect.__dataclass_fields__, *_OF_SHAPE]
    return [
        f"no setting is called {name!r}.{nearest(name, every)}"
        for name in told
        if name not in _KNOWN
    ]


def _problems(definition: Definition) -> list[str]:
    found = []
    if not definition.entity:
        found.append("entity is missing: it names the table")
    if not definition.path:
        found.append("path is missing")
    for name, allowed in (
        ("format", (CSV, JSON_MAPS, *WORKBOOKS, *OBJECTS)),
        ("removed_files", (KEEP, REMOVE)),
        ("skip_header", (True, False, IF_PRESENT)),
        ("decimal", (".", ",")),
    ):
        if (value := getattr(definition, name)) not in allowed:
            words = ", ".join(map(str, allowed))
            found.append(f"{name} is {value!r}: it can be {words}")
    if definition.format == JSON_MAPS and not (
        definition.map and len(definition.field_names) > 1
    ):
        found.append(
            "json-maps needs map, and field_names: the keys', then the value's"
        )
    if range_of(definition.range) is None:
        found.append(f"range is {definition.range!r}: B4, B4:F or B4:F200 is needed")
    if not definition.shape.header_rows and not definition.field_names:
        found.append("header_rows is 0: field_names must name the columns")
    for name, told in definition.columns.items():
        found += [f"column {name}: {each}" for each in _column_problems(told)]
    return found


def _column_problems(told: Mapping[str, Any]) -> list[str]:
    allowed = ("type", "format", "decimal", "thousands", "unit", "null_values")
    found = [
        f"no setting is called {name!r}.{nearest(name, list(allowed))}"
        for name in told
        if name not in allowed
    ]
    kind = told.get("type", "text")
    if kind not in KINDS:
        found.append(f"type {kind!r} is unknown.{nearest(kind, list(KINDS))}")
    if "format" in told and kind not in ("date", "datetime", "timestamptz"):
        found.append("a format is for dates and times")
    return found
