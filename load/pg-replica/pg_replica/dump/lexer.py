"""PostgreSQL's lexical rules: what the tokens of a statement are.

The rules are those of the server's own scanner, with standard_conforming_strings on. Text is bytes
in an encoding whose bytes below 128 are ASCII wherever they stand, such as UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from entrepot_core.base.errors import RunFailed

WORD, QUOTED, STRING, SYMBOL = "word", "quoted", "string", "symbol"

IDENTIFIER = rb"[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*"
DOLLAR = rb"\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$"
_ESCAPED = rb"'(?:[^'\\]+|\\.|'')*'"
_TOKEN = re.compile(
    rb"(?P<escaped>[eE]" + _ESCAPED + rb")"
    rb"|(?P<string>(?:[bBxXnN]|[uU]&)?'[^']*')"
    rb'|(?P<quoted>(?:[uU]&)?"(?:[^"]|"")*")'
    rb"|(?P<word>" + IDENTIFIER + rb")"
    rb"|(?P<dollar>" + DOLLAR + rb")"
    rb"|(?P<comment>--[^\n\r]*)|(?P<block>/\*)"
    rb"|(?P<space>[ \t\n\r\f\v]+)|(?P<number>[0-9]+)|(?P<symbol>.)",
    re.DOTALL,
)
IN_BLOCK = re.compile(rb"/\*|\*/")


class Token(NamedTuple):
    """A token that is neither space nor comment.

    Attributes:
        kind: `WORD` (a keyword or an unquoted name), `QUOTED` (a name), `STRING`, `SYMBOL`.
        text: As it is written; words in upper case.
        start: Where it begins in the statement.
        end: Where it ends.
    """

    kind: str
    text: bytes
    start: int
    end: int

    @property
    def name(self) -> str | None:
        """The name that it is, unquoted; None when it is none."""
        if self.kind == WORD:
            return self.text.decode(errors="surrogateescape").lower()
        if self.kind == QUOTED and self.text.startswith(b'"'):
            text = self.text[1:-1].replace(b'""', b'"')
            return text.decode(errors="surrogateescape")
        return None


class UnexpectedText(RunFailed):
    """Text that is no SQL: a quote or a comment without its end."""


def tokens(statement: bytes) -> Iterator[Token]:
    """Give a statement's tokens, comments left out.

    Args:
        statement: The text.

    Yields:
        One token at a time; a caller that needs the first few alone may stop.

    Raises:
        UnexpectedText: At what is no token.
    """
    place, end = 0, len(statement)
    while place < end:
        match = _TOKEN.match(statement, place)
        assert match is not None  # any byte is a symbol
        kind, start = match.lastgroup, place
        place = match.end()
        if kind in ("space", "comment"):
            continue
        if kind == "block":
            place = _after_block_comment(statement, place)
            continue
        text = match[0]
        if kind == "dollar":
            place = statement.find(text, place) + len(text)
            if place < len(text):
                raise UnexpectedText("a dollar-quoted text has no end")
        if kind == "word":
            yield Token(WORD, text.upper(), start, place)
        elif kind == "quoted":
            yield Token(QUOTED, text, start, place)
        elif kind in ("escaped", "string", "dollar"):
            place = _after_strings(statement, place, kind)
            yield Token(STRING, statement[start:place], start, place)
        elif text in b"'\"":
            raise UnexpectedText("a quoted text has no end")
        else:
            yield Token(SYMBOL, text, start, place)


def _after_strings(statement: bytes, place: int, kind: str) -> int:
    """Pass over the rest of a string: quotes doubled in it, refused where it is continued."""
    if kind == "string":
        while statement[place : place + 1] == b"'":
            place = statement.find(b"'", place + 1) + 1
            if not place:
                raise UnexpectedText("a quoted text has no end")
    return place


def _after_block_comment(text: bytes, place: int) -> int:
    depth = 1
    while depth:
        found = IN_BLOCK.search(text, place)
        if found is None:
            raise UnexpectedText("a comment has no end")
        depth += 1 if found[0] == b"/*" else -1
        place = found.end()
    return place
