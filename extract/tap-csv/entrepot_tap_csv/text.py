"""A file's bytes as complete lines of UTF-8, a megabyte at a time."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import IO, NoReturn

from entrepot_tap_csv.errors import Misfit

_BLOCK = 1024 * 1024  # bytes
_LONGEST = 16 * 1024 * 1024  # bytes of one line: beyond, this is no text


class Text:
    """The lines of one file, each known by its number from 1.

    Args:
        file: Open for reading.
        name: For errors.
        encoding: As Python names it.
    """

    def __init__(self, file: IO[bytes], name: str, encoding: str) -> None:
        self._file = file
        self._name = name
        self._codec = codecs.lookup("utf-8" if encoding == "utf-8-sig" else encoding)
        self._decoder = self._codec.incrementaldecoder("strict")
        self._line = 1  # the first that has not been given
        self._decoded = 0  # bytes of the file
        self._ends_by_cr: bool | None = None

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """Read the file.

        Yields:
            The number of a line, and complete lines from there on, each ended by a line feed.

        Raises:
            Misfit: If a byte cannot be in such a text.
        """
        rest = b""
        while block := self._file.read(_BLOCK):
            head, mark, tail = self._utf8(block).rpartition(b"\n")
            if mark:
                yield self._numbered(rest + head + mark)
                rest = tail
            else:
                rest += tail
                self._check_length(rest)
        rest += self._utf8(b"", is_last=True)
        if rest:
            yield self._numbered(rest if rest.endswith(b"\n") else rest + b"\n")

    def _numbered(self, lines: bytes) -> tuple[int, bytes]:
        first = self._line
        self._line += lines.count(b"\n")
        return first, lines

    def _check_length(self, rest: bytes) -> None:
        if len(rest) > _LONGEST:
            raise Misfit(
                self._name,
                f"the line has more than {_LONGEST:,} bytes: is this a CSV file?",
                line=self._line,
            )

    def _utf8(self, block: bytes, *, is_last: bool = False) -> bytes:
        """Check bytes, and give as UTF-8 what is complete of them."""
        data = self._decoder.getstate()[0] + block
        try:
            text = self._decoder.decode(block, is_last)
        except UnicodeDecodeError as error:
            self._refuse(data, error.start, f"is not {self._codec.name}")
        whole = len(data) - len(self._decoder.getstate()[0])
        is_utf8 = self._codec.name == "utf-8"
        utf8 = data[:whole] if is_utf8 else text.encode()
        if b"\0" in utf8:
            start = (utf8 if is_utf8 else data).index(b"\0")
            self._refuse(data, start, "is no text")
        if not self._decoded:
            utf8 = utf8.removeprefix(codecs.BOM_UTF8)
        self._decoded += whole
        return self._with_line_feeds(utf8)

    def _refuse(self, data: bytes, start: int, what: str) -> NoReturn:
        before = data[:start].decode(self._codec.name, "replace").count("\n")
        raise Misfit(
            self._name,
            f"the byte 0x{data[start]:02x} {what}: set the file's encoding, or mend the file",
            line=self._line + before,
            offset=self._decoded + start,
        ) from None

    def _with_line_feeds(self, utf8: bytes) -> bytes:
        """Let the lines of an old Macintosh end as all others do."""
        if self._ends_by_cr is None and utf8:
            self._ends_by_cr = b"\r" in utf8.rstrip(b"\r") and b"\n" not in utf8
        return utf8.replace(b"\r", b"\n") if self._ends_by_cr else utf8
