r"""Lines of cells as COPY's text format has them, quotes taken away in a few passes over all bytes.

Cells are what stands between delimiters. A sign that would mean something else to COPY is written
by its code, such as `\x2c`: in these lines each backslash begins one.
"""

from __future__ import annotations

BACKSLASH = b"\\"
_NULL = b"\0"  # no text holds it


def _code(sign: bytes) -> bytes:
    return b"\\x%02x" % ord(sign)


LINE_FEED = _code(b"\n")


def with_codes(block: bytes) -> bytes:
    """Write backslashes by their code.

    Args:
        block: Lines as a file has them.
    """
    return block.replace(BACKSLASH, _code(BACKSLASH))


def cells_of(lines: list[bytes], delimiter: str) -> list[list[str]]:
    """Give the cells of lines.

    Args:
        lines: With codes; at least one.
        delimiter: Between cells.
    """
    text = b"\n".join(lines).decode()
    if "\\" not in text:
        return [line.split(delimiter) for line in text.split("\n")]
    text = text.replace(delimiter, "\0")
    rows = text.split("\n")
    for sign in (delimiter, "\r", "\n", "\\"):  # the last one makes no new codes
        code = _code(sign.encode()).decode()
        if code in text:
            rows = [row.replace(code, sign) for row in rows]
    return [row.split("\0") for row in rows]


class Quotes:
    """Takes quotes away, where one inside quotes is written twice and nothing else is special."""

    def __init__(self, delimiter: str, quote: str) -> None:
        """Prepare.

        Args:
            delimiter: Between cells.
            quote: Around some of them.
        """
        self._quote = quote.encode()
        signs = delimiter.encode(), b"\n", b"\r"
        self._codes = [(sign, _code(sign)) for sign in signs]
        edges = b"".join([*signs, self._quote])
        self._edges = bytes(sign if sign in edges else 0 for sign in range(256))

    def taken_from(self, block: bytes) -> tuple[bytes, bytes] | None:
        """Take quotes away.

        Args:
            block: Lines as a file has them; the first begins a record.

        Returns:
            One line for each record that is complete, and what the block has of the next one;
            None for no record, and for lines that are not written by the rules.
        """
        quote = self._quote
        parts = block.split(quote)
        rest = b"" if len(parts) % 2 else self._cut(parts)
        if not parts:
            return None
        outside, inside = quote.join(parts[::2]), quote.join(parts[1::2])
        outside = with_codes(outside.replace(b"\r\n", b"\n"))
        edges = outside.translate(self._edges)
        # A quote opens at the beginning of a cell, and closes at its end.
        if b"\r" in edges or _NULL + quote in edges or quote + _NULL in edges:
            return None
        first, *others = outside.split(quote)
        # Nothing between two quotes: that is one, written twice.
        parts[::2] = [first, *[each or quote for each in others]]
        if others:
            parts[1::2] = self._coded(inside).split(quote)
        return b"".join(parts), rest

    def _cut(self, parts: list[bytes]) -> bytes:
        """Leave to the parts what is complete; give the rest."""
        for at in range(len(parts) - 2, -1, -2):
            end = parts[at].rfind(b"\n") + 1
            if end:
                rest = self._quote.join([parts[at][end:], *parts[at + 1 :]])
                parts[at:] = [parts[at][:end]]
                return rest
        parts.clear()
        return b""

    def _coded(self, inside: bytes) -> bytes:
        inside = with_codes(inside)
        for sign, code in self._codes:
            inside = inside.replace(sign, code)
        return inside
