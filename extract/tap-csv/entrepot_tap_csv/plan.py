"""What a run has to do for one stream: which files are new, changed or gone, and their columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from entrepot_core.base.suggest import nearest
from entrepot_core.singer.keywords import ORIGIN
from entrepot_core.storage.places import LONGEST_FILE, Found
from entrepot_tap_csv.definitions import (
    JSON_MAPS,
    OBJECTS,
    REMOVE,
    WORKBOOKS,
    Definition,
)
from entrepot_tap_csv.errors import CannotRead, Misfit, shown
from entrepot_tap_csv.files import Part, parts_of
from entrepot_tap_csv.forgiven import Forgiven
from entrepot_tap_csv.formats import json_maps, json_rows
from entrepot_tap_csv.head import Head
from entrepot_tap_csv.places import Places
from entrepot_tap_csv.records import Batch
from entrepot_tap_csv.rows import FILE, LINE, Layout
from entrepot_tap_csv.shape import FILL
from entrepot_tap_csv.values import KINDS, NO_TEXT

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
        counts: What settings let pass, once it has been read.
    """

    part: Part
    cells: list[str]
    extra: int
    modified: str
    counts: Forgiven = field(default_factory=Forgiven)


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
        is_grid = definition.format in WORKBOOKS  # whose empty cells are not written
        return Layout(
            name,
            columns,
            source.extra,
            constants,
            definition.dialect.delimiter,
            numbered,
            is_grid or definition.shape.short_rows == FILL,
            Forgiven() if is_grid else source.counts,
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
            if self.definition.format in OBJECTS:
                objects = _objects(file, source.part, self.definition)
                yield from json_rows.batches(
                    objects, self._nulls(source), source.part.name
                )
                return
            head = Head(source.part, self.definition, source.counts)
            records = head.records(file)
            if head.taken_from(records) != (source.cells, source.extra):
                raise Misfit(source.part.name, "has changed meanwhile: run again")
            yield from records.batches()

    def _nulls(self, source: Source) -> dict[str, str]:
        """Say how each column of a part writes NULL, whose null_values may leave out empty text."""
        columns = [self.definition.column(each) for each in source.cells]
        return {c.name: "" if "" in c.null_values else NO_TEXT for c in columns}


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
    members = plan.definition.shape.members
    if plan.definition.format in WORKBOOKS:  # which are archives of their own
        parts = [Part(file.name, path, limit=plan.limits.file)]
    else:
        parts = parts_of(path, file.name, plan.limits.file, members)
    first: list[str] = []
    for part in parts:
        cells, extra = _columns_of_member(part, plan.definition)
        if not members:
            _check_alike(part, cells, first or cells)
        first = first or cells
        plan.sources.append(Source(part, cells, extra, _time_of(path)))
        plan.columns += [name for name in cells if name not in plan.columns]
    here = [part.name for part in parts]
    plan.replaced += [*here, *(n for n in entry.get("parts", []) if n not in here)]
    plan.files[file.name] = {"mark": file.mark, "parts": here}


def _columns_of_member(part: Part, definition: Definition) -> tuple[list[str], int]:
    """Read the names of a part's columns; of an archive's, say that it can be left out."""
    try:
        return columns_of(part, definition)
    except Misfit as error:
        if not part.member or definition.shape.members:
            raise
        raise CannotRead(
            f"{error} (members: says which files of an archive are read)"
        ) from None


def _check_alike(part: Part, cells: list[str], first: list[str]) -> None:
    """Refuse to make one table of an archive's tables, unless they were named."""
    if set(cells) != set(first):
        raise Misfit(
            part.name,
            "has other columns than the archive's first file: say with members which are read, "
            f"such as members: [{shown(part.member)}]",
        )


def _time_of(path: Path) -> str:
    moment = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.timezone.utc)
    return moment.isoformat()


def columns_of(part: Part, definition: Definition) -> tuple[list[str], int]:
    """Read the names of a part's columns, and check them against the settings.

    Args:
        part: The part.
        definition: What the settings say.

    Returns:
        The names, and how many columns without one may follow.

    Raises:
        Misfit: If a column that the settings name is not there.
    """
    if definition.format == JSON_MAPS:
        return definition.field_names, 0
    cells, extra = _header(part, definition)
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


def _header(part: Part, definition: Definition) -> tuple[list[str], int]:
    with part.open() as file:
        if definition.format in OBJECTS:
            found = _objects(file, part, definition)
            return json_rows.names_of(found, part.name), 0
        head = Head(part, definition, Forgiven())
        return head.taken_from(head.records(file))


def _objects(
    file: IO[bytes], part: Part, definition: Definition
) -> Iterator[json_rows.Object]:
    kind, path = definition.format, definition.json_path
    return json_rows.objects(file, part.name, kind, path)
