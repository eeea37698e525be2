"""Files unpacked as they are read: gzip, bzip2, xz and zstd, none of which may take much memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from typing import IO, Protocol, cast

ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP, _BZIP2, _XZ, _ZSTD = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"
_MEMORY = (
    128 * 1024**2
)  # bytes that xz or zstd may ask for: their strongest usual levels do
_FED = 1024  # bytes; of zstd they can become 32 MiB

Unpacker = Callable[[IO[bytes]], IO[bytes]]


class _Decompressor(Protocol):
    """What unpacks one stream of a file."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def unused_data(self) -> bytes:
        """What has been given of the next one."""

    def decompress(self, data: bytes, /) -> bytes:
        """Unpack more of it."""


class _Streams(io.RawIOBase):
    """A file of one packed stream or several.

    The libraries' own classes take as much memory as a file asks for (xz), or take one that is cut
    off for whole (zstd). It is fed little at a time, as what comes out is not bounded.

    Args:
        file: Open for reading.
        new: Makes what unpacks a stream.
    """

    def __init__(self, file: IO[bytes], new: Callable[[], _Decompressor]) -> None:
        super().__init__()
        self._file = file
        self._new = new
        self._decompressor: _Decompressor | None = None
        self._content = b""

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read at most so many bytes.

        Args:
            size: Bytes; at least 1.

        Returns:
            The bytes; none at the end.
        """
        while not self._content:
            data = self._next()
            if not data:
                return b""
            if self._decompressor is None:
                self._decompressor = self._new()
            self._content = self._decompressor.decompress(data)
        content, self._content = self._content[:size], self._content[size:]
        return content

    def _next(self) -> bytes:
        """Give what is to be unpacked next; none at the end."""
        running, rest = self._decompressor, b""
        if running is not None and running.eof:
            rest, self._decompressor, running = running.unused_data, None, None
        data = rest or self._file.read(_FED)
        while running is None and data and not data.strip(b"\0"):
            data = self._file.read(_FED)  # padding between streams
        if running is not None and not data:
            raise EOFError("it ends in the middle of a stream")
        return data.lstrip(b"\0") if running is None else data


def _xz(file: IO[bytes]) -> IO[bytes]:
    streams = _Streams(
        file, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY)
    )
    return cast("IO[bytes]", streams)


def _zstd(file: IO[bytes]) -> IO[bytes]:
    import zstandard

    one = zstandard.ZstdDecompressor(max_window_size=_MEMORY)
    return cast("IO[bytes]", _Streams(file, one.decompressobj))


def _gzip(file: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file))


_UNPACKERS: tuple[tuple[bytes, Unpacker], ...] = (
    (_GZIP, _gzip),
    (_BZIP2, lambda file: cast("IO[bytes]", bz2.BZ2File(file))),
    (_XZ, _xz),
    (_ZSTD, _zstd),
)


def unpacker(head: bytes) -> Unpacker | None:
    """Tell by a file's first bytes how it is unpacked.

    Args:
        head: At least six bytes, if it has them.

    Returns:
        What opens it; None for a file that is not packed.
    """
    found = (unpack for magic, unpack in _UNPACKERS if head.startswith(magic))
    return next(found, None)


def is_packed(head: bytes) -> bool:
    """Say whether a file is packed, or an archive.

    Args:
        head: Its first bytes.

    Returns:
        Whether it is.
    """
    return unpacker(head) is not None or head.startswith(ZIP)


def faults() -> tuple[type[Exception], ...]:
    """Name what unpackers raise for a damaged file."""
    import zstandard

    return (
        EOFError,
        gzip.BadGzipFile,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        zstandard.ZstdError,
    )
