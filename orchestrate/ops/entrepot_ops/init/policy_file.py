"""The owner's table policy, `local/tables.yml`: empty, for somebody to think about."""

from __future__ import annotations

from pathlib import Path

_EMPTY = """\
# The table policy of this place: what of the source stays out, and why. `git pull` leaves it alone.
# extract/tables.yml says how it is written. A table without an entry is copied whole, each night.
tables: {}
"""
_TOLERATED = """
# Not available in the warehouse, and nothing that a night brings depends on them.
tolerated_items:
"""


def write(root: Path, unneeded: list[str]) -> Path | None:
    """Write the policy, unless there is one.

    Args:
        root: The project's folder.
        unneeded: Extensions of the source that a night does without.

    Returns:
        The file; None where there was one.
    """
    path = root / "local" / "tables.yml"
    if path.exists():
        return None
    text = _EMPTY
    if unneeded:
        items = "".join(f"  - EXTENSION {name}\n" for name in unneeded)
        text += _TOLERATED + items
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
