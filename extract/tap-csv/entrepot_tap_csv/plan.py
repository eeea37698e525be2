"""What a run has to do for one stream: which files are new, changed or gone, and their columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from entrepot_core.base.suggest import nearest
from entrepot_core.singer.keywords import ORIGIN
from entrepot_tap_csv import json_maps, names
from entrepot_tap_csv.definitions import IF_PRESENT, JSON_MAPS, REMOVE, Definition
from entrepot_tap_csv.errors import CannotRead, Misfit, shown
from entrepot_tap_csv.files import Part, parts_of
from entrepot_tap_csv.places import LONGEST_FILE, Found, Places
from entrepot_tap_csv.records import Batch, Records
from entrepot_tap_csv.rows import FILE, LINE, Layout
from entrepot_tap_csv.text import Text
from entrepot_tap_csv.values import KINDS

# What MeltanoLabs' tap adds, under its own names.
SDC_FILE, SDC_TIME, SDC_LINE = (
    "_sdc_source_file",
    "_sdc_source_file_mtime",
    "_sdc_source_lineno",
)
_PROVENANCE = {
    FILE: {"type": ["string", "null"], "description": "The file that the row is from"},
    LINE: {
        "type": ["integer", "null"],
        "description": "The line of that file on which the row begins, from 1",
    },
}
_METADATA = {
    SDC_FILE: {"type": ["string", "null"]},
    SDC_TIME: KINDS["timestamptz"],
    SDC_LINE: {"type": ["integer", "null"]},
}


@dataclass(frozen=True)
class Limits:
    """How long files may be.

    Attributes:
        file: Bytes of one file, when unpacked.
        json: Bytes of one JSON file, which is read whole.
    """

    file: int = LONGEST_FILE
    json: int = json_maps.LONGEST


@dataclass(frozen=True)
class Source:
    """A part that is read, and what its first line says.

    Attributes:
        part: The part.
        cells: Names of its columns.
        extra: Columns without a name behind them.
        modified: When the file was written, as ISO 8601.
    """

    part: Part
    cells: list[str]
    extra: int
    modified: str


@dataclass
class Plan:
    """What a run does for one stream.

    Attributes:
        definition: What the settings say.
        adds_metadata: Whether MeltanoLabs' three columns are added.
        limits: How long files may be.
        columns: All that the files have, by their first appearance.
        sources: What is read.
        replaced: The parts whose older rows go, by name.
        files: Each file's mark, and the names of its parts, once the run has ended well.
    """

    definition: Definition
    adds_metadata: bool = False
    limits: Limits = field(default_factory=Limits)
    columns: list[str] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def state(self) -> dict[str, Any]:
        """The stream's state, once the run has ended well."""
        settings = self.definition.settings
        return {"settings": settings, "columns": self.columns, "files": self.files}

    @property
    def schema(self) -> dict[str, Any]:
        """The stream's JSON schema."""
        definition = self.definition
        text = KINDS["text"]
        properties = {
            **{
                name: dict(KINDS[definition.column(name).kind]) for name in self.columns
            },
            **{name: dict(text) for name in definition.constants},
            **(_METADATA if self.adds_metadata else {}),
            **_PROVENANCE,
        }
        return {"type": "object", "properties": properties, ORIGIN: [FILE, LINE]}

    def layout(self, source: Source) -> Layout:
        """Say how a part's records become rows.

        Args:
            source: The part.

        Returns:
            The layout.
        """
        definition, name = self.definition, source.part.name
        constants, numbered = {**definition.constants, FILE: name}, [LINE]
        if self.adds_metadata:
            constants |= {SDC_FILE: name, SDC_TIME: source.modified}
            numbered = [SDC_LINE, LINE]
        columns = [definition.column(each) for each in source.cells]
        return Layout(
            name,
            columns,
            source.extra,
            constants,
            definition.dialect.delimiter,
            numbered,
        )

    def batches(self, source: Source) -> Iterator[Batch]:
        """Read a part's records.

        Args:
            source: The part.

        Yields:
            Many at a time.

        Raises:
            Misfit: If the part is not what it was when the run began, or is no such text.
        """
        with source.part.open() as file:
            if self.definition.format == JSON_MAPS:
                chosen, depth = self.definition.map, len(source.cells)
                found = json_maps.records(
                    file, source.part.name, chosen, depth, self.limits.json
                )
                yield Batch([], [], list(found))
                return
            records = _records(file, source.part, self.definition)
            if _head(records, source.part, self.definition) != (
                source.cells,
                source.extra,
            ):
                raise Misfit(source.part.name, "has changed meanwhile: run again")
            yield from records.batches()


def make(
    definition: Definition,
    places: Places,
    known: dict[str, Any],
    *,
    adds_metadata: bool,
    limits: Limits | None = None,
) -> Plan:
    """Look at all the files of a stream, and bring those here that have changed.

    Args:
        definition: What the settings say.
        places: Finds files.
        known: The stream's state.
        adds_metadata: Whether MeltanoLabs' three columns are added.
        limits: How long files may be; the defaults when None.

    Returns:
        What to do.

    Raises:
        CannotRead: If a file is not there, or not what the settings say.
    """
    try:
        found = places.find(definition.path)
    except CannotRead as error:
        raise CannotRead(f"{definition.entity}: {error}") from None
    plan = Plan(definition, adds_metadata, limits or Limits())
    before: dict[str, Any] = known.get("files", {})
    is_same = known.get("settings") == definition.settings
    plan.columns = list(known.get("columns", [])) if is_same else []
    for file in found:
        entry = before.get(file.name, {})
        if not (is_same and file.mark and file.mark == entry.get("mark")):
            _take(plan, file, entry, is_same=is_same)
        plan.files.setdefault(file.name, entry)
    for name, entry in before.items():
        if name in plan.files:
            continue
        if definition.removed_files == REMOVE:
            plan.replaced += entry["parts"]
        else:
            plan.files[name] = entry
    if not plan.columns:
        raise CannotRead(
            f"{definition.entity}: no column is known: name them (field_names)"
        )
    return plan


def _take(plan: Plan, file: Found, entry: dict[str, Any], *, is_same: bool) -> None:
    """Bring a file here; leave it if it proves to be what it was."""
    path = file.fetch()
    if is_same and file.mark == entry.get("mark"):
        return
    parts = parts_of(path, file.name, plan.limits.file)
    for part in parts:
        cells, extra = _columns(part, plan.definition)
        plan.sources.append(Source(part, cells, extra, _time_of(path)))
        plan.columns += [name for name in cells if name not in plan.columns]
    here = [part.name for part in parts]
    plan.replaced += [*here, *(n for n in entry.get("parts", []) if n not in here)]
    plan.files[file.name] = {"mark": file.mark, "parts": here}


def _time_of(path: Path) -> str:
    moment = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.timezone.utc)
    return moment.isoformat()


def _columns(part: Part, definition: Definition) -> tuple[list[str], int]:
    """Read the names of a part's columns, and check them against the settings."""
    if definition.format == JSON_MAPS:
        return definition.field_names, 0
    with part.open() as file:
        cells, extra = _head(_records(file, part, definition), part, definition)
    wanted = [*definition.keys, *definition.columns]
    for name in wanted:
        if name not in cells and name not in definition.constants:
            raise Misfit(
                part.name,
                f"there is no column {shown(name)}.{nearest(name, cells)} There are "
                f"{', '.join(cells)[:500]}",
                line=1,
            )
    ours = {FILE, LINE, SDC_FILE, SDC_TIME, SDC_LINE, *definition.constants}
    if clash := [name for name in cells if name in ours]:
        raise Misfit(
            part.name, f"the column {shown(clash[0])} is added by the tap", line=1
        )
    return cells, extra


def _records(file: IO[bytes], part: Part, definition: Definition) -> Records:
    text = Text(file, part.name, definition.dialect.encoding)
    return Records(text.blocks(), part.name, definition.dialect)


def _head(
    records: Records, part: Part, definition: Definition
) -> tuple[list[str], int]:
    """Take the header, if there is one, and give the names of columns."""
    given, skips = definition.field_names, definition.skip_header
    if given:
        first = records.first() if skips else None
        if first and skips == IF_PRESENT and not names.is_header(first[1], given):
            records.put_back(first)
        return given, 0
    first = records.first()
    if first is None:
        raise Misfit(part.name, "is empty: there is not even a header")
    line, cells = first
    found = names.of_header(
        cells, part.name, line, normalize=definition.normalize_headers
    )
    return found, len(cells) - len(found)
