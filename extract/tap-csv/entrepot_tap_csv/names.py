"""Names of columns, as headers give them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from entrepot_tap_csv.errors import Misfit, shown

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


def of_header(cells: list[str], file: str, line: int, *, normalize: bool) -> list[str]:
    """Read a header; empty names at its end are no columns.

    Args:
        cells: Of the header.
        file: The file's name, for errors.
        line: Where the header is.
        normalize: Whether to write names as columns'.

    Returns:
        The columns' names.

    Raises:
        Misfit: If a name is missing, or there twice.
    """
    names = [normalized(cell) if normalize else cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise Misfit(file, "the header names no column", line=line)
    if "" in names:
        place = names.index("") + 1
        raise Misfit(
            file,
            f"cell {place} of the header is empty: name the columns with field_names",
            line=line,
        )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        listed = ", ".join(map(shown, twice))
        raise Misfit(
            file,
            f"the header has {listed} twice: name the columns with field_names",
            line=line,
        )
    return names


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
