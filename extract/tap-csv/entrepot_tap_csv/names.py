"""Names of columns, as headers give them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

from entrepot_tap_csv import forgiven
from entrepot_tap_csv.errors import Misfit, shown
from entrepot_tap_csv.forgiven import Forgiven

_NO_WORD = re.compile(r"[^\w\s]")
_BLANKS = re.compile(r"\s+")


def normalized(name: str) -> str:
    """Write a name as a column's: lower case, blanks `_`, other signs left out, accents kept.

    Args:
        name: Such as `Etat de l'expérience`.

    Returns:
        Such as `etat_de_lexpérience`.
    """
    composed = unicodedata.normalize("NFC", name.strip())
    return _BLANKS.sub("_", _NO_WORD.sub("", composed).strip()).lower()


@dataclass(frozen=True)
class Naming:
    """How a header becomes names of columns.

    Attributes:
        normalize: Whether to write names as columns'.
        numbers_empty: Whether an empty cell is called by its place.
        numbers_twice: Whether a name that was there before gets a number.
    """

    normalize: bool = False
    numbers_empty: bool = False
    numbers_twice: bool = False


def joined(rows: list[list[str]]) -> list[str]:
    """Join the rows of a header; an empty cell of an upper row belongs to the one on its left.

    Args:
        rows: Of the header, from above.

    Returns:
        A cell for each column.
    """
    if len(rows) == 1:
        return rows[0]
    width = max(map(len, rows))
    columns: list[list[str]] = [[] for _ in range(width)]
    for row in rows:
        is_last, before = row is rows[-1], ""
        for place in range(width):
            cell = row[place].strip() if place < len(row) else ""
            before = cell if cell or is_last else before
            if before and before not in columns[place]:
                columns[place].append(before)
    return [" ".join(parts) for parts in columns]


def of_header(
    cells: list[str], file: str, line: int, naming: Naming, counts: Forgiven
) -> list[str]:
    """Read a header; empty names at its end are no columns, unless they are numbered.

    Args:
        cells: Of the header.
        file: The file's name, for errors.
        line: Where the header is.
        naming: How it is read.
        counts: Told of names that were numbered.

    Returns:
        The columns' names.

    Raises:
        Misfit: If a name is missing, or there twice.
    """
    names = [
        normalized(cell) if naming.normalize else " ".join(cell.split())
        for cell in cells
    ]
    if not any(names):
        raise Misfit(file, "the header names no column", line=line)
    if naming.numbers_empty:
        names = _without_empty(names, line, counts)
    while not names[-1]:
        names.pop()
    if "" in names:
        place = names.index("") + 1
        raise Misfit(
            file,
            f"cell {place} of the header is empty: name the columns with field_names, or set "
            "empty_names: number",
            line=line,
        )
    if naming.numbers_twice:
        return _told_apart(names, line, counts)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        listed = ", ".join(map(shown, twice))
        raise Misfit(
            file,
            f"the header has {listed} twice: name the columns with field_names, or set "
            "duplicate_names: number",
            line=line,
        )
    return names


def _without_empty(names: list[str], line: int, counts: Forgiven) -> list[str]:
    taken, found = set(names), []
    for place, name in enumerate(names, 1):
        found.append(name or _free(f"column_{place}", taken))
        if not name:
            counts.add(forgiven.EMPTY_NAMES, line)
    return found


def _told_apart(names: list[str], line: int, counts: Forgiven) -> list[str]:
    taken, seen, found = set(names), set[str](), []
    for name in names:
        found.append(_free(name, taken) if name in seen else name)
        if name in seen:
            counts.add(forgiven.DUPLICATES, line)
        seen.add(name)
    return found


def _free(name: str, taken: set[str]) -> str:
    """Give a name, with a number behind it where others have it, and take it."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free


def is_header(cells: list[str], names: list[str]) -> bool:
    """Say whether a line repeats the columns' names, accents and punctuation aside.

    Args:
        cells: Of the file's first line.
        names: As `field_names` gives them.

    Returns:
        Whether half of the cells, or more, are the names of their columns.
    """
    pairs = zip(cells, names, strict=False)
    same = sum(_folded(cell) == _folded(name) for cell, name in pairs)
    return same * 2 >= len(names)


def _folded(name: str) -> str:
    parts = unicodedata.normalize("NFD", normalized(name))
    return "".join(sign for sign in parts if not unicodedata.combining(sign))
