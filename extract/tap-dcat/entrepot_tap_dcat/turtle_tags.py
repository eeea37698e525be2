"""Turtle, N-Triples, N-Quads, TriG and N3 with language tags that no reader would keep."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import IO

from entrepot_tap_dcat.languages import wrap

_BLOCK = 1024**2  # bytes
_LONGEST = 16 * 1024**2  # bytes of one value
_OVERLAP = 256  # bytes that are looked at again with the next block
# A tag that a reader keeps as it is: `fr`, `fr-x-abc`, and a base direction, `ar--rtl`.
_KEPT = rb"[a-z]{1,8}(?:-[a-z0-9]{1,8})*(?:--(?:ltr|rtl))?"
_ODD = re.compile(rb"[\"']@(?!" + _KEPT + rb"(?:[\s.,;()\[\]{}\"'<>#|^]|\Z))")
_TOKEN = re.compile(
    rb"""
    (?P<string>
        \"\"\"(?:[^"\\]|\\.|"(?!""))*\"\"\" | '''(?:[^'\\]|\\.|'(?!''))*'''
        | "(?!"")(?:[^"\\]|\\.)*" | '(?!'')(?:[^'\\]|\\.)*'
    )
    (?:@(?P<tag>[^\s.,;()\[\]{}"'<>\#|^@]*))?
    | <[=-]              # N3's own signs
    | <[^>]*>            # an IRI
    | \#[^\n\r]*         # a comment
    | \\.                # an escape in a name
    | (?P<open>["'<\\])  # what begins here ends in a block to come
    """,
    re.VERBOSE | re.DOTALL,
)


class OddTag(Exception):
    """A language tag was met that the reader would refuse or change."""


class WatchedText(io.RawIOBase):
    """A document given on as it is, until something looks like an unusual language tag."""

    def __init__(self, file: IO[bytes]) -> None:
        """Prepare.

        Args:
            file: The document, at its beginning.
        """
        super().__init__()
        self._file = file
        self._last = b""

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read and look.

        Args:
            size: Bytes, at most; a block by default.

        Returns:
            Bytes; none at the end.

        Raises:
            OddTag: If there is something like one; it may be in a text or a comment.
        """
        block = self._file.read(size if size > 0 else _BLOCK)
        seen = self._last + block
        if _ODD.search(seen):
            raise OddTag
        self._last = seen[-_OVERLAP:]
        return block


class TaggedText(io.RawIOBase):
    """A document whose language tags are written so that readers keep them."""

    def __init__(self, file: IO[bytes], refuse: Callable[[str], Exception]) -> None:
        """Prepare.

        Args:
            file: The document, at its beginning.
            refuse: Makes the error, from what is wrong.
        """
        super().__init__()
        self._file = file
        self._refuse = refuse
        self._rest = b""  # of a token that is not whole yet
        self._ready, self._at = b"", 0
        self._is_over = False

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read and rewrite.

        Args:
            size: Bytes, at most; what there is by default.

        Returns:
            Bytes; none at the end.

        Raises:
            Exception: What `refuse` makes, if one value is too long.
        """
        while self._at == len(self._ready) and not self._is_over:
            self._ready, self._at = self._next(), 0
        start = self._at
        self._at = len(self._ready) if size < 0 else min(start + size, len(self._ready))
        return self._ready[start : self._at]

    def _next(self) -> bytes:
        block = self._file.read(_BLOCK)
        self._is_over = not block
        text = self._rest + block
        written: list[bytes] = []
        done = 0
        for token in _TOKEN.finditer(text):
            is_open = token["open"] is not None or token.end() == len(text)
            if is_open and not self._is_over:
                break
            written += (text[done : token.start()], _rewritten(token))
            done = token.end()
        else:
            token = None
        cut = token.start() if token else len(text)
        written.append(text[done:cut])
        self._rest = text[cut:]
        if len(self._rest) > _LONGEST:
            raise self._refuse("a value, or a name, has more than 16 MB")
        return b"".join(written)


def _rewritten(token: re.Match[bytes]) -> bytes:
    tag = token["tag"]
    if tag is None or re.fullmatch(_KEPT, tag):
        return token[0]
    wrapped = wrap(tag.decode(errors="replace"))
    return token["string"] + (f"@{wrapped}".encode() if wrapped else b"")
