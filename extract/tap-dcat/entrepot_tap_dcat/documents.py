"""A document of a catalogue, and what its name says of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import IO

_DATE = re.compile(r"(?<!\d)(20\d{2})-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?!\d)")


@dataclass(frozen=True)
class Document:
    """A document to be read.

    Attributes:
        name: What rows and messages call it; nothing secret.
        open: Opens it, to be read from its beginning, several times if need be.
        dump_date: The day of the dump that it belongs to.
        media_type: What the server calls its format; None without a server.
        base: What relative IRIs are relative to; None to leave them so.
    """

    name: str
    open: Callable[[], IO[bytes]]
    dump_date: date
    media_type: str | None = None
    base: str | None = None


def date_in(name: str) -> date | None:
    """Find the day in a name, the last one if there are several.

    Args:
        name: Such as `integration_page_12_2023-10-14.json`.

    Returns:
        The day; None without one.
    """
    for year, month, day in reversed(_DATE.findall(name)):
        try:
            return date(int(year), int(month), int(day))
        except ValueError:
            continue
    return None


def natural(name: str) -> list[tuple[int, int, str]]:
    """Give what to sort a name by, so that page 10 comes after page 9.

    Args:
        name: A name with numbers.

    Returns:
        A key that sorts numbers by their value.
    """
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in re.split(r"(\d+)", name)
        if part
    ]
