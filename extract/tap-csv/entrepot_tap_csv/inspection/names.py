"""Names of columns that a table's header proposes, as far as PostgreSQL takes them."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot_core.postgres.identifiers import LONGEST_NAME
from entrepot_tap_csv import names
from entrepot_tap_csv.forgiven import Forgiven
from entrepot_tap_csv.inspection.table import Table
from entrepot_tap_csv.inspection.trial import Entry
from entrepot_tap_csv.names import Naming


def named(seen: Table) -> tuple[list[str], Entry]:
    """Name the columns as the header does, as far as PostgreSQL takes the names.

    Args:
        seen: The table.

    Returns:
        The names, and the settings that give them.
    """
    width = max((len(cells) for _, cells in seen.rows), default=0)
    if not seen.header_rows:
        given = [f"column_{place}" for place in range(1, width + 1)]
        return given, {"field_names": given, "skip_header": False}
    entry: Entry = {"header_rows": seen.header_rows} if seen.header_rows > 1 else {}
    cells = [" ".join(cell.split()) for cell in names.joined(seen.header)]
    named = len(cells)
    while named and not cells[named - 1]:
        named -= 1
    used = max((_last_filled(row) for _, row in seen.rows), default=0)
    if "" in cells[:named] or used > named:
        entry["empty_names"] = "number"
    if len(set(cells[:named])) < named:
        entry["duplicate_names"] = "number"
    counts = Forgiven()
    naming = Naming(False, "empty_names" in entry, "duplicate_names" in entry)
    columns = names.of_header(cells, "", 1, naming, counts) if any(cells) else cells
    if all(len(each.encode()) <= LONGEST_NAME for each in columns):
        return columns, entry
    for name in ("empty_names", "duplicate_names"):
        entry.pop(name, None)
    given = _shortened(columns)
    return given, {**entry, "field_names": given, "skip_header": True}


def _last_filled(cells: Sequence[str]) -> int:
    return max((at for at, cell in enumerate(cells, 1) if cell.strip()), default=0)


def _shortened(columns: Sequence[str]) -> list[str]:
    """Cut names to what PostgreSQL takes, and tell them apart again."""
    found: list[str] = []
    for place, name in enumerate(columns, 1):
        short = name.encode()[:LONGEST_NAME].decode(errors="ignore").strip()
        if short in found:
            mark = f"_{place}"
            short = (
                name.encode()[: LONGEST_NAME - len(mark)].decode(errors="ignore") + mark
            )
        found.append(short)
    return found
