"""Text as it may be shown or stored: no character of it acts on a terminal, a log or a server."""

from __future__ import annotations

import re

# What a terminal obeys (C0, C1, DEL), what turns the direction of writing round or ends a line
# elsewhere than it seems to, and halves of characters that no encoding can write.
_ACTING = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u061c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff"
)
_IN_A_LINE = re.compile(f"[{_ACTING}\t\n]")
_IN_LINES = re.compile(f"[{_ACTING}]")
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")

_LONGEST_FORM = 20


def visible(text: str) -> str:
    r"""Show characters that act as escapes such as `\u001b`, line breaks among them.

    Args:
        text: One line, perhaps with a name or a message that somebody else chose.

    Returns:
        One line; a JSON text stays the same JSON text.
    """
    return _IN_A_LINE.sub(_escape, text)


def visible_lines(text: str) -> str:
    """Do the same for a text of several lines: its line breaks and tabulators stay.

    Args:
        text: The text.

    Returns:
        The text without other control characters.
    """
    return _IN_LINES.sub(_escape, text)


def storable(text: str) -> str:
    """Replace what PostgreSQL's text cannot hold: NUL, and halves of characters.

    Args:
        text: Any text.

    Returns:
        The text, a replacement character in the place of each.
    """
    return _NOT_STORABLE.sub("\ufffd", text)


def form(value: str) -> str:
    """Say what a value looks like, and nothing that it says.

    Args:
        value: A value of a row.

    Returns:
        Its first characters, in quotes: `a` for letters, `9` for digits, `?` for odd signs.
    """
    start = "".join(map(_kind, value[:_LONGEST_FORM]))
    more = len(value) - len(start)
    return f"'{start}'" + (f" and {more} characters more" if more else "")


def _kind(character: str) -> str:
    if character.isalpha():
        return "a"
    if character.isdigit():
        return "9"
    return character if character.isascii() and character.isprintable() else "?"


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
