"""Where statements end, by PostgreSQL's lexical rules, in text of any length.

Two choices are psql's: a semicolon between parentheses ends nothing, nor does one in a body
BEGIN ATOMIC … END.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from entrepot_core.base.errors import ReplicaError
from pg_replica.dump.lexer import DOLLAR, IDENTIFIER, IN_BLOCK, UnexpectedText

# What the search for a statement's end passes over, and what it looks at.
_PASSED = re.compile(rb"[^A-Za-z_\x80-\xff'\"$;/\\()-]*")
_LOOKED_AT = re.compile(
    rb"(?P<escaped>[eE]')|(?P<word>" + IDENTIFIER + rb")|(?P<dollar>" + DOLLAR + rb")"
    rb"|(?P<comment>--)|(?P<block>/\*)|(?P<mark>.)",
    re.DOTALL,
)
# An INSERT of constants without escapes, whole: there may be one for each row. Nothing in it can
# be a comment, a quote of another kind or an end.
_CONSTANT = rb"(?:(?:'[^'\\]*')+|-?[A-Za-z0-9.]+(?:[+-][0-9]+)?)"
_PLAIN_NAMES = rb"(?:[^'\";()$\\/-]|\"[^\"]*\")*"
_INSERT = re.compile(
    rb"INSERT INTO "
    + _PLAIN_NAMES
    + rb"(?:\("
    + _PLAIN_NAMES
    + rb"\)"
    + _PLAIN_NAMES
    + rb")?"
    rb"\(" + _CONSTANT + rb"(?:, " + _CONSTANT + rb")*\);"
)
_SPACES = re.compile(
    rb"(?:\xef\xbb\xbf)?[ \t\n\r\f\v]*"
)  # a mark of UTF-8 is none either
_IN_ESCAPED = re.compile(rb"['\\]")
_LINE_END = re.compile(rb"[\n\r]")
_ROUTINE = re.compile(
    rb"CREATE[ \t\n\r\f\v]+(?:OR[ \t\n\r\f\v]+REPLACE[ \t\n\r\f\v]+)?(?:FUNCTION|PROCEDURE)\b",
    re.IGNORECASE,
)
_LOOKAHEAD = 1024  # bytes: no word or dollar quote's tag is longer
_BLOCK = 256 * 1024
_TRUNCATED = "it ends in the middle of a statement: it is truncated"


def split(text: bytes) -> list[bytes]:
    """Cut a text into its statements.

    Args:
        text: All of it; comments between statements are dropped.

    Returns:
        The statements, each with its semicolon (the last one may be without).

    Raises:
        UnexpectedText: If it ends in a quote, a comment, a parenthesis or a body.
    """
    text = text.strip()
    if text.find(b";") == len(text) - 1 and not text.startswith((b"--", b"\\")):
        return [text] if text else []
    rest = memoryview(text)

    def more(size: int) -> bytes:
        nonlocal rest
        block, rest = rest[:size], rest[size:]
        return bytes(block)

    cutter = Cutter(more, len(text) + 1)
    found = []
    while piece := cutter.next():
        if piece.kind == "command":
            raise UnexpectedText("a backslash stands where a statement begins")
        if piece.kind == "statement":
            found.append(piece.text)
    return found


class Piece(NamedTuple):
    """What a plain dump consists of.

    Attributes:
        kind: `statement`; `comment`: a line comment between statements; `command`: a line of
            psql's own.
        text: Without spaces around it.
        start: Its offset in the text, in bytes.
        line: The number of its line, from 1.
    """

    kind: str
    text: bytes
    start: int
    line: int


class TooLong(ReplicaError):
    """A statement or comment beyond the limit."""

    exit_code = 2


class Cutter:
    """Cuts a text of any length into statements and comments, in blocks and within a limit.

    Args:
        more: Gives the next bytes, at most as many as asked for; none at the end.
        limit: Bytes of the longest statement that is accepted.
    """

    def __init__(self, more: Callable[[int], bytes], limit: int) -> None:
        self._more = more
        self._limit = limit
        self._text = bytearray()
        self._offset = 0  # of the text's first byte
        self._place = 0
        self._ended = False
        self.line = 1

    def next(self) -> Piece | None:
        """Give the next piece.

        Returns:
            The piece; None at the end.

        Raises:
            UnexpectedText: If the text ends within a piece.
            TooLong: If a piece is longer than the limit.
        """
        self._skip_space()
        if not self._need(1):
            return None
        self._need(len(b"--"))
        start, line = self._offset, self.line
        if self._text.startswith(b"--"):
            return Piece("comment", self._take(self._line_end()), start, line)
        if self._text.startswith(b"\\"):
            return Piece("command", self._take(self._line_end()), start, line)
        return Piece("statement", self._take(self._statement_end()), start, line)

    def rows(self) -> tuple[int, int]:
        """Pass over the rows that follow a statement `COPY … FROM stdin;`.

        Returns:
            The offsets of their beginning and their end, in bytes. The line that ends them is
            next.

        Raises:
            UnexpectedText: If they do not end.
        """
        if self._take(self._line_end()).strip():
            raise UnexpectedText("something follows a COPY statement on its line")
        self._need(len(b"\r\n"))
        self._take(2 if self._text.startswith(b"\r\n") else 1)
        start = self._offset
        if self._at_end_of_rows():
            return start, start
        while True:
            found = self._text.find(b"\n\\.")
            if found >= 0:
                self._pass(found + 1)
                if self._at_end_of_rows():
                    return start, self._offset
                self._take(1)
            else:
                self._pass(max(len(self._text) - 2, 0))
                if not self._fill():
                    raise UnexpectedText(
                        "it ends in the rows of a table: it is truncated"
                    )

    def _at_end_of_rows(self) -> bool:
        self._need(len(b"\\.\n"))
        return self._text.startswith(b"\\.") and self._text[2:3] in b"\r\n"

    @property
    def offset(self) -> int:
        """How much was taken, in bytes."""
        return self._offset

    def _skip_space(self) -> None:
        while True:
            self._pass(_end(_SPACES, self._text, 0))
            if self._text or not self._fill():
                return

    def _line_end(self) -> int:
        place = 0
        while (found := _LINE_END.search(self._text, place)) is None:
            place = len(self._text)
            if not self._fill():
                return place
        return found.start()

    def _statement_end(self) -> int:
        """Find the end of the statement that the text begins with, its semicolon included."""
        if self._text.startswith(b"INSERT ") and (end := _end(_INSERT, self._text, 0)):
            return end
        statement = _Statement(self._text, self._reach)
        while not statement.ended:
            statement.step()
        return statement.place

    def _reach(self, place: int) -> int:
        """Read on until there is enough text from a place on; give how much there is."""
        self._need(place + _LOOKAHEAD)
        return len(self._text) - place

    def _take(self, length: int) -> bytes:
        taken = bytes(self._text[:length])
        self._pass(length)
        return taken

    def _pass(self, length: int) -> None:
        self.line += self._text.count(b"\n", 0, length)
        del self._text[:length]
        self._offset += length

    def _need(self, length: int) -> bool:
        while len(self._text) < length:
            if not self._fill():
                return False
        return True

    def _fill(self) -> bool:
        """Read on; say whether there was anything."""
        if len(self._text) > self._limit:
            raise TooLong(f"a statement of more than {self._limit:,} bytes")
        block = b"" if self._ended else self._more(_BLOCK)
        self._ended = not block
        self._text += block
        return bool(block)


class _Statement:
    """Follows a statement to its end, each byte looked at once.

    Attributes:
        place: How far it was followed.
        ended: Whether it ended there.

    Args:
        text: What was read of it, and of what follows; it grows.
        reach: Reads on until a word's length of text follows a place, if there is so much.
    """

    def __init__(self, text: bytearray, reach: Callable[[int], int]) -> None:
        self.place = 0
        self.ended = False
        self._text = text
        self._reach = reach
        self._parentheses = 0
        self._body = 0  # BEGIN ATOMIC, and each CASE in it, up to its END
        self._is_routine: bool | None = None
        self._last_word, self._last_end = b"", 0
        self._handlers: dict[str, Callable[[bytes], None]] = {
            "escaped": self._escaped,
            "word": self._word,
            "dollar": self._dollar,
            "comment": self._comment,
            "block": self._block,
            "mark": self._mark,
        }

    def step(self) -> None:
        """Go on to the end of the next thing that matters.

        Raises:
            UnexpectedText: If the text ends before the statement does.
        """
        self.place = _end(_PASSED, self._text, self.place)
        if not self._reach(self.place):
            raise UnexpectedText(_TRUNCATED)
        match = _LOOKED_AT.match(self._text, self.place)
        assert match is not None  # any byte is a mark
        kind, found = match.lastgroup or "mark", match[0]
        del match  # it would keep the text from growing
        self.place += len(found)
        if len(found) >= _LOOKAHEAD:
            raise UnexpectedText(f"a word of more than {_LOOKAHEAD} bytes")
        self._handlers[kind](found)

    def _word(self, found: bytes) -> None:
        if self._is_routine is None:
            self._is_routine = _ROUTINE.match(self._text) is not None
        if not self._is_routine:
            return
        word = found.upper()
        begin = self.place - len(found)
        if self._body:
            self._body += {b"CASE": 1, b"END": -1}.get(word, 0)
        elif word == b"ATOMIC" and self._last_word == b"BEGIN":
            self._body = int(self._text[self._last_end : begin].isspace())
        self._last_word, self._last_end = word, self.place

    def _mark(self, found: bytes) -> None:
        if found in b"'\"":
            self._find(found)
        elif found == b"(":
            self._parentheses += 1
        elif found == b")":
            self._parentheses -= 1
        elif found == b"\\":
            raise UnexpectedText("a backslash stands outside of quotes")
        elif found == b";":
            self.ended = self._parentheses <= 0 and not self._body

    def _dollar(self, found: bytes) -> None:
        self._find(found)

    def _find(self, closing: bytes) -> None:
        """Go on to the end of a quoted text; a doubled quote is two texts side by side."""
        begin = self.place
        while (found := self._text.find(closing, begin)) < 0:
            begin = max(len(self._text) - len(closing) + 1, self.place)
            self._more("a quoted text has no end")
        self.place = found + len(closing)

    def _escaped(self, _: bytes) -> None:
        while True:
            found = self._search(_IN_ESCAPED, "a quoted text has no end")
            self._reach(self.place)
            is_pair = found == b"\\" or self._text.startswith(b"'", self.place)
            if not is_pair:
                return
            self.place += 1

    def _comment(self, _: bytes) -> None:
        self._search(_LINE_END, _TRUNCATED)

    def _block(self, _: bytes) -> None:
        depth = 1
        while depth:
            found = self._search(IN_BLOCK, "a comment has no end")
            depth += 1 if found == b"/*" else -1

    def _search(self, pattern: re.Pattern[bytes], complaint: str) -> bytes:
        """Go on to the end of what a pattern finds, which is at most two bytes long."""
        begin = self.place
        while (match := pattern.search(self._text, begin)) is None:
            begin = max(len(self._text) - 1, self.place)
            self._more(complaint)
        found, self.place = match[0], match.end()
        return found

    def _more(self, complaint: str) -> None:
        before = len(self._text)
        self._reach(before)
        if len(self._text) == before:
            raise UnexpectedText(complaint)


def _end(pattern: re.Pattern[bytes], text: bytearray, place: int) -> int:
    """Give where a pattern's match ends, and let go of the match: it would pin the text."""
    match = pattern.match(text, place)
    return match.end() if match else 0
