"""Halves of surrogate pairs, which JSON can write and which are no characters.

The parser silently replaces some of them by other characters.
"""

from __future__ import annotations

import re
from typing import IO

from entrepot_tap_lcms.errors import BadContent

# An escape of JSON, of two characters or more; a half that stands alone is the group.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_LONGEST = 12  # bytes of a pair
_LONGEST_VALUE = 16 * 1024**2  # bytes
_NUL = rb"\u0000"  # as long as a half


class WithoutHalves:
    """JSON read from a file, with NUL for each half: values are refused for either."""

    def __init__(self, file: IO[bytes]) -> None:
        """Begin where the file is.

        Args:
            file: Holds JSON.
        """
        self._file = file
        self._rest = b""
        self._run = 0  # bytes since the last quote

    def read(self, size: int = -1) -> bytes:
        """Read about as many bytes; none at the end only.

        Args:
            size: Bytes that are wanted; all by default.

        Returns:
            The bytes; more than wanted where a sign would be cut.
        """
        if size == 0:
            return b""
        chunk = self._file.read(size)
        text = self._rest + chunk
        # What begins later may go on in the next chunk.
        is_last = not chunk or size < 0
        sure = len(text) if is_last else max(0, len(text) - _LONGEST)
        done, pieces = 0, []
        for found in _ESCAPE.finditer(text):
            if found.start() >= sure:
                break
            self._count(text[done : found.start()])
            if found[1]:
                pieces += [text[done : found.start()], _NUL]
            else:
                pieces.append(text[done : found.end()])
            self._run += found.end() - found.start()
            done = found.end()
        end = max(done, sure)
        self._rest = text[end:]
        self._count(text[done:end])
        pieces.append(text[done:end])
        whole = b"".join(pieces)
        return whole or (self.read(size) if chunk else b"")

    def _count(self, text: bytes) -> None:
        """Refuse a text, or a number, that is longer than any value of the content."""
        last = text.rfind(b'"')
        self._run = self._run + len(text) if last < 0 else len(text) - last
        if self._run > _LONGEST_VALUE:
            raise BadContent(
                f"a value of the answer has more than {_LONGEST_VALUE:,} bytes"
            )
