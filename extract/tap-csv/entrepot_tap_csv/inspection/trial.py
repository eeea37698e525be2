"""A definition tried: read by the tap itself, as a night would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from entrepot_tap_csv import definitions
from entrepot_tap_csv.files import Part
from entrepot_tap_csv.forgiven import Forgiven
from entrepot_tap_csv.plan import Plan, Source, columns_of

Entry = dict[str, Any]


@dataclass(frozen=True)
class Proposal:
    """What is proposed for a file.

    Attributes:
        entry: As `files` has it.
        rows: The first rows as they will be read, by column.
        count: Rows of what was seen.
        counts: What the settings let pass.
        is_whole: Whether the whole file was seen.
    """

    entry: Entry
    rows: list[dict[str, Any]]
    count: int
    counts: Forgiven
    is_whole: bool


def tried(
    part: Part, entry: Entry, *, shows: int, most: int, is_whole: bool
) -> Proposal:
    """Read a file by a definition.

    Args:
        part: The file, or what is seen of it.
        entry: As `files` has it.
        shows: How many rows are shown.
        most: How many rows are read at least, if there are so many.
        is_whole: Whether the file has no more than is seen.

    Returns:
        The proposal.
    """
    definition = definitions.read({**entry, "members": None})
    cells, extra = columns_of(part, definition)
    source = Source(part, cells, extra, "")
    plan = Plan(definition, columns=cells, sources=[source])
    layout = plan.layout(source)
    rows: list[dict[str, Any]] = []
    count = 0
    for batch in plan.batches(source):
        found = list(layout.records(batch))
        rows += found[: shows - len(rows)]
        count += len(found)
        if count >= most:
            break
    return Proposal(entry, rows, count, source.counts, is_whole)
