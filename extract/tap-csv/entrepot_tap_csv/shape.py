"""What the settings say of what is no row: titles, comments, footers; and of what is forgiven."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

REFUSE, FILL, NUMBER = "refuse", "fill", "number"
_MOST_HEADER_ROWS = 20
_CHOICES = {
    "short_rows": (REFUSE, FILL),
    "empty_names": (REFUSE, NUMBER),
    "duplicate_names": (REFUSE, NUMBER),
}


@dataclass(frozen=True)
class Shape:
    r"""What of a file is no row, and what is forgiven. By default nothing is.

    Attributes:
        skip_lines: Lines before the header that are left out.
        header_rows: Rows that make up the header; their cells are joined by a blank.
        comment: Lines that begin with it are left out; empty: there are none.
        footer: Regular expressions; from the first line that begins with one on, all is left out.
        line_tail: A text at the end of lines that is none of the last cell, such as `;` or `\n`.
        bare_quotes: Whether a quote inside a quoted cell may stand alone.
        short_rows: Whether rows with too few cells are refused, or filled with NULL.
        empty_names: Whether a header with an empty cell is refused, or columns are numbered.
        duplicate_names: Whether a name that is there twice is refused, or numbered.
        members: Patterns of the files of an archive that are read; all when empty.
    """

    skip_lines: int = 0
    header_rows: int = 1
    comment: str = ""
    footer: list[str] = field(default_factory=list)
    line_tail: str = ""
    bare_quotes: bool = False
    short_rows: str = REFUSE
    empty_names: str = REFUSE
    duplicate_names: str = REFUSE
    members: list[str] = field(default_factory=list)

    @property
    def told(self) -> dict[str, Any]:
        """What differs from the defaults, by name."""
        usual = Shape()
        pairs = ((each.name, getattr(self, each.name)) for each in fields(self))
        return {name: value for name, value in pairs if value != getattr(usual, name)}

    @property
    def looks_at_lines(self) -> bool:
        """Whether each line must be looked at before it is cut."""
        return bool(self.comment or self.footer or self.line_tail or self.bare_quotes)

    def problems(self) -> list[str]:
        """Say what cannot be."""
        return [
            *self._wrong_numbers(),
            *self._wrong_texts(),
            *self._wrong_choices(),
        ]

    def _wrong_numbers(self) -> list[str]:
        found = []
        for name, most in (("skip_lines", 10**6), ("header_rows", _MOST_HEADER_ROWS)):
            value: Any = getattr(self, name)
            if type(value) is not int or not 0 <= value <= most:
                found.append(
                    f"{name} is {value!r}: a number from 0 to {most:,} is needed"
                )
        if self.bare_quotes not in (True, False):
            found.append(
                f"bare_quotes is {self.bare_quotes!r}: it can be true or false"
            )
        return found

    def _wrong_texts(self) -> list[str]:
        found = []
        for name in ("comment", "line_tail"):
            value = getattr(self, name)
            if not isinstance(value, str) or "\n" in value:
                found.append(
                    f"{name} is {value!r}: a text without line breaks is needed"
                )
        for name in ("footer", "members"):
            value = getattr(self, name)
            if not isinstance(value, list) or not all(
                isinstance(v, str) for v in value
            ):
                return [*found, f"{name} is {value!r}: a list of texts is needed"]
        for pattern in self.footer:
            try:
                is_empty = re.compile(pattern).match("") is not None
            except re.error as error:
                found.append(f"footer: {pattern!r} is no regular expression: {error}")
            else:
                if is_empty:
                    found.append(f"footer: {pattern!r} would fit every line")
        return found

    def _wrong_choices(self) -> list[str]:
        return [
            f"{name} is {getattr(self, name)!r}: it can be {', '.join(allowed)}"
            for name, allowed in _CHOICES.items()
            if getattr(self, name) not in allowed
        ]


def made(told: Mapping[str, Any]) -> Shape:
    """Make a shape of settings, in which one pattern may stand for a list of one.

    Args:
        told: By name.

    Returns:
        The shape, with problems or without.
    """
    listed: dict[str, Any] = {
        name: [value]
        if name in ("footer", "members") and isinstance(value, str)
        else value
        for name, value in told.items()
    }
    return Shape(**listed)
