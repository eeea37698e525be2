"""Names of models and columns: snake_case, short enough, each once."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Collection

_LIGATURES = str.maketrans(
    {"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l", "đ": "d"}
)
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
# dbt puts words of its own behind a relation's name while it replaces it.
LONGEST_MODEL = 50
LONGEST_COLUMN = 63


def snake(name: str) -> str:
    """Write a name in snake_case.

    Args:
        name: Any text.

    Returns:
        Small letters, digits and `_`; empty where nothing of it can be written so.
    """
    text = unicodedata.normalize("NFKD", name.translate(_LIGATURES))
    text = "".join(each for each in text if not unicodedata.combining(each))
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text)
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", text)
    text = text.lower().translate(_LIGATURES)
    return re.sub(r"[^a-z0-9]+", "_", text).strip("_")


def singular(name: str) -> str:
    """Give what one row is called, of a plural in snake_case.

    Args:
        name: Such as `order_lines` or `categories`.

    Returns:
        Such as `order_line`; the same where it does not look like a plural.
    """
    if name.endswith("ies") and len(name) > 4:
        return f"{name[:-3]}y"
    if name.endswith(("sses", "xes", "ches", "shes")):
        return name[:-2]
    if name.endswith("s") and not name.endswith(("ss", "us", "is")):
        return name[:-1]
    return name


def fit(name: str, longest: int) -> str:
    """Shorten a name, so that another one stays another.

    Args:
        name: The name.
        longest: Characters that it may have.

    Returns:
        The name, its end perhaps replaced by a checksum.
    """
    if len(name) <= longest:
        return name
    return f"{name[: longest - 9].rstrip('_')}_{checksum(name)}"


def unique(name: str, taken: Collection[str], longest: int) -> str:
    """Give a name that is not taken.

    Args:
        name: The one that is wanted.
        taken: Those that are.
        longest: Characters that it may have.

    Returns:
        It, or it with a number.
    """
    found, number = fit(name, longest), 2
    while found in taken:
        found = f"{fit(name, longest - 4)}_{number}"
        number += 1
    return found


def column(name: str, keywords: Collection[str]) -> str:
    """Write a column's name in SQL of a model.

    Args:
        name: The name.
        keywords: Words that need quotes.

    Returns:
        The name, quoted where it must be, and safe in Jinja.
    """
    if _PLAIN.fullmatch(name) and name not in keywords:
        return name
    escaped = name.replace('"', '""')
    return jinja(f'"{escaped}"')


def jinja(text: str) -> str:
    """Write a text so that Jinja gives it back as it is.

    Args:
        text: Any text.

    Returns:
        The text; what would begin an expression is one that says it.
    """
    return re.sub(r"\{(?=[{%#])", "{{ '{' }}", text)


def checksum(name: str) -> str:
    """Give eight digits that stand for a name.

    Args:
        name: The name.

    Returns:
        The digits.
    """
    return f"{zlib.crc32(name.encode()):08x}"
