r"""Lines of cells as COPY's text format has them, quotes taken away in a few passes over all bytes.

Cells are what stands between delimiters. A sign that would mean something else to COPY is written
by its code, such as `\x2c`: in these lines each backslash begins one.
"""

from __future__ import annotations

import re

BACKSLASH = b"\\"
_CODE = re.compile(r"\\x(..)")


def _code(sign: bytes) -> bytes:
    return b"\\x%02x" % ord(sign)


LINE_FEED = _code(b"\n")


def _codes(delimiter: str) -> list[tuple[bytes, bytes]]:
    """Pair the signs that COPY would take for something else with their codes.

    Backslashes come first, as they begin codes.

    Returns:
        Each sign and its code.
    """
    signs = (BACKSLASH, delimiter.encode(), b"\n", b"\r")
    return [(sign, _code(sign)) for sign in signs]


def coded(cell: str, delimiter: str) -> str:
    """Write a cell as lines have it.

    Args:
        cell: A cell's text.
        delimiter: Between cells.

    Returns:
        The cell with codes for what COPY would misread.
    """
    text = cell.encode()
    for sign, code in _codes(delimiter):
        text = text.replace(sign, code)
    return text.decode()


def with_codes(block: bytes) -> bytes:
    """Write backslashes by their code.

    Args:
        block: Lines as a file has them.

    Returns:
        The block with codes.
    """
    return block.replace(BACKSLASH, _code(BACKSLASH))


def cells_of(lines: list[bytes], delimiter: str) -> list[list[str]]:
    """Give the cells of lines.

    Args:
        lines: With codes; at least one.
        delimiter: Between cells.

    Returns:
        A list of cells for each line.
    """
    text = b"\n".join(lines).decode()
    if "\\" not in text:
        return [line.split(delimiter) for line in text.split("\n")]
    rows = text.replace(delimiter, "\0").split("\n")
    # Backslashes come last, as they would seem to begin codes.
    for code in sorted(set(_CODE.findall(text)), key="5c".__eq__):
        sign = chr(int(code, 16))
        rows = [row.replace(f"\\x{code}", sign) for row in rows]
    return [row.split("\0") for row in rows]


class Quotes:
    """Takes quotes away, where one inside quotes is written twice and nothing else is special.

    Args:
        delimiter: Between cells.
        quote: Around some of them.
    """

    def __init__(self, delimiter: str, quote: str) -> None:
        self._quote, self._twice = quote.encode(), quote.encode() * 2
        self._code = _code(self._quote)
        _, *self._codes = _codes(delimiter)  # backslashes are coded before
        no_edge = b"[^" + re.escape(delimiter.encode() + self._quote) + rb"\n]"
        mark = re.escape(self._quote)
        # One that opens not at the beginning of a cell, or closes not at its end.
        self._amiss = re.compile(
            mark + b"(?:" + no_edge + b"|(?<=" + no_edge + mark + b"))"
        )

    def taken_from(self, block: bytes) -> tuple[bytes, int] | None:
        """Take quotes away.

        Args:
            block: Lines as a file has them; the first begins a record.

        Returns:
            One line for each record that is complete, and how many lines of the block belong to
            the next one; None for no record, and for lines that are not written by the rules.
        """
        quote = self._quote
        parts = self._parts(with_codes(block))
        left = 0 if len(parts) % 2 else self._cut(parts)
        if not parts:
            return None
        outside, inside = quote.join(parts[::2]), quote.join(parts[1::2])
        outside = outside.replace(b"\r\n", b"\n")
        if b"\r" in outside or self._amiss.search(outside):
            return None
        first, *others = outside.split(quote)
        # Nothing between two quotes: that is one, written twice.
        parts[::2] = [first, *[each or quote for each in others]]
        if others:
            parts[1::2] = self._coded(inside).split(quote)
        return b"".join(parts), left

    def _parts(self, block: bytes) -> list[bytes]:
        """Cut at quotes, those written twice coded already.

        That is right where both are inside quotes. Where two stand outside, around nothing or
        amiss, every quote is cut at.

        Returns:
            What stands outside and inside quotes, in turns.
        """
        parts = block.replace(self._twice, self._code).split(self._quote)
        is_amiss = self._code in b"".join(parts[::2])
        return block.split(self._quote) if is_amiss else parts

    def _cut(self, parts: list[bytes]) -> int:
        """Leave to the parts what is complete; count the lines of the rest."""
        for at in range(len(parts) - 2, -1, -2):
            end = parts[at].rfind(b"\n") + 1
            if end:
                rest = b"".join([parts[at][end:], *parts[at + 1 :]])
                parts[at:] = [parts[at][:end]]
                return rest.count(b"\n")
        parts.clear()
        return 0

    def _coded(self, inside: bytes) -> bytes:
        for sign, code in self._codes:
            inside = inside.replace(sign, code)
        return inside
