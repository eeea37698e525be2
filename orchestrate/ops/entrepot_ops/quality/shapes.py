"""Columns that came, went or changed their type since the night before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from entrepot_core.policy.personal_names import looks_personal

Shape = Sequence[str]  # each column: its name, a tab and its type


@dataclass(frozen=True)
class ColumnChange:
    """What became of a column.

    Attributes:
        table: Schema and name of its table.
        column: Its name.
        change: `added`, `removed` or `retyped`.
        before: Its type before; empty when it is new.
        after: Its type now; empty when it is gone.
    """

    table: str
    column: str
    change: str
    before: str = ""
    after: str = ""

    @property
    def looks_personal(self) -> bool:
        """Whether a new column's name promises personal data."""
        return self.change == "added" and looks_personal(self.column)


def column_changes(
    before: Mapping[str, Shape], after: Mapping[str, Shape]
) -> list[ColumnChange]:
    """Compare the columns of the tables that are in both.

    Args:
        before: By the table's name.
        after: The same, now.

    Returns:
        The changes, table by table.
    """
    return [
        change
        for table in sorted(before.keys() & after.keys())
        for change in _of_table(table, _types(before[table]), _types(after[table]))
    ]


def _types(shape: Shape) -> dict[str, str]:
    found = {}
    for column in shape:
        name, _, of_type = column.partition("\t")
        found[name] = of_type
    return found


def _of_table(
    table: str, before: dict[str, str], after: dict[str, str]
) -> list[ColumnChange]:
    changes = [
        ColumnChange(table, name, "removed", before=of_type)
        for name, of_type in before.items()
        if name not in after
    ]
    for name, of_type in after.items():
        if name not in before:
            changes.append(ColumnChange(table, name, "added", after=of_type))
        elif before[name] != of_type:
            changes.append(ColumnChange(table, name, "retyped", before[name], of_type))
    return changes
