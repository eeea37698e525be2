"""What has changed in a table since it was made here, and what is done about it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# Each type, then those that hold all of its values with the same meaning.
_WIDER = {
    "smallint": {"integer", "bigint", "numeric"},
    "integer": {"bigint", "numeric"},
    "bigint": {"numeric"},
    "real": {"double precision"},
    "character varying": {"text"},
}
_SIZES = re.compile(r"\(([\d,]+)\)")


@dataclass
class Drift:
    """The differences between a table here and on the source.

    Attributes:
        added: Columns to add.
        widened: Columns whose type grows: name and new type.
        dropped: Columns that the source has no more; kept, NULL from now on.
        renamed: Columns that have another name on the source: name here, name there.
        refused: Columns whose type can't follow: name, type here, type on the source.
    """

    added: list[str] = field(default_factory=list)
    widened: list[tuple[str, str]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[str, str, str]] = field(default_factory=list)


def compare(
    here: dict[str, str],
    there: dict[str, str],
    numbers: dict[str, int] | None = None,
    numbers_there: dict[str, int] | None = None,
) -> Drift:
    """Compare the columns of a table.

    Args:
        here: Types by column in the warehouse.
        there: Types by column on the source, spelt as in the warehouse.
        numbers: By column here, the number that it had on the source, which a new name does not
            change; None when they are not known.
        numbers_there: The numbers of the source's columns now.

    Returns:
        What differs.
    """
    left = {
        number: name
        for name, number in (numbers or {}).items()
        if name in here and name not in there
    }
    drift = Drift()
    for name, wanted in there.items():
        number = (numbers_there or {}).get(name, 0)
        before = left.get(number) if name not in here else None
        if name not in here and before is None:
            drift.added.append(name)
            continue
        if before is not None:
            drift.renamed.append((before, name))
        old = here[before or name]
        if is_wider(old, wanted):
            drift.widened.append((name, wanted))
        elif old != wanted:
            drift.refused.append((name, old, wanted))
    followed = {old for old, _ in drift.renamed}
    drift.dropped = [
        name for name in here if name not in there and name not in followed
    ]
    return drift


def is_wider(old: str, new: str) -> bool:
    """Say whether a type holds all values of another.

    Args:
        old: As `format_type` spells it.
        new: The same.

    Returns:
        Whether it does.
    """
    old_name, new_name = _SIZES.sub("", old), _SIZES.sub("", new)
    old_sizes, new_sizes = _SIZES.search(old), _SIZES.search(new)
    if old_name != new_name:
        return new_name in _WIDER.get(old_name, ()) and not new_sizes
    return _sizes_grow(old_sizes and old_sizes[1], new_sizes and new_sizes[1])


def _sizes_grow(before: str | None, after: str | None) -> bool:
    """Compare lengths, or precision and scale: no size is the greatest."""
    if before is None or after is None:
        return before is not None
    old, new = ([int(size) for size in sizes.split(",")] for sizes in (before, after))
    if len(old) != len(new):
        return False
    if len(old) == 1:
        return new[0] > old[0]
    # Digits before and after the decimal point.
    return new[1] >= old[1] and new[0] - new[1] >= old[0] - old[1]
