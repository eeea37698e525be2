"""Tar files, read from start to end with every length bounded.

The standard library's reader takes a header of any length into memory.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Callable, Iterator

from entrepot_core.base.errors import RunFailed

BLOCK = 512
_LONGEST_HEADER = 1024**2  # bytes of what says a member's name
_MOST_MEMBERS = 1_000_000
_LONG_NAME, _LONG_LINK = b"L", b"K"
_EXTENDED, _GLOBAL, _EXTENDED_SOLARIS = b"x", b"g", b"X"
_RECORD = re.compile(rb"(\d{1,7}) ([^=\n]+)=")


class Member:
    """A file or folder in a tar file.

    Attributes:
        name: Its path.
        is_file: Whether it is a regular file.
        is_folder: Whether it is a folder.

    Args:
        name: Its path.
        info: Its header.
        size: Its size in bytes.
        read: Gives the tar file's next bytes.

    Raises:
        RunFailed: If the file is damaged.
    """

    def __init__(
        self, name: str, info: tarfile.TarInfo, size: int, read: Callable[[int], bytes]
    ) -> None:
        self.name = name
        self.is_file = info.type in (tarfile.REGTYPE, tarfile.AREGTYPE)
        self.is_folder = info.isdir()
        if size < 0:
            raise RunFailed("a tar file is damaged: a file's size")
        self._left = size if self.is_file else 0
        self._padding = -self._left % BLOCK
        self._read = read

    def read(self, size: int) -> bytes:
        """Read on in its content.

        Args:
            size: Bytes at most.

        Returns:
            The bytes; none at its end.

        Raises:
            RunFailed: If the tar file ends in it.
        """
        block = self._read(min(size, self._left))
        if not block and self._left and size:
            raise RunFailed("a tar file ends in the middle of a file: it is truncated")
        self._left -= len(block)
        return block

    def skip(self) -> None:
        """Pass over the rest of its content."""
        while self.read(BLOCK * BLOCK):
            pass
        self._read(self._padding)
        self._padding = 0


def is_tar(head: bytes) -> bool:
    """Say whether a file is a tar file.

    Args:
        head: Its first 512 bytes.

    Returns:
        Whether it is.
    """
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def members(read: Callable[[int], bytes]) -> Iterator[Member]:
    """Give a tar file's members, each to be read before the next one.

    Args:
        read: Gives the file's next bytes, at most as many as asked for.

    Yields:
        Files, folders, and what is neither.

    Raises:
        RunFailed: If it is damaged, or a header is beyond reason.
    """
    name, size = "", -1
    for _ in range(_MOST_MEMBERS):
        info = _header(read)
        if info is None:
            return
        if info.type in (_LONG_NAME, _LONG_LINK, _EXTENDED, _GLOBAL, _EXTENDED_SOLARIS):
            text = _header_text(info, read)
            if info.type == _LONG_NAME:
                name = _decoded(text.rstrip(b"\0"))
            elif info.type in (_EXTENDED, _EXTENDED_SOLARIS):
                records = _records(text)
                name = _decoded(
                    records.get(b"path", name.encode(errors="surrogateescape"))
                )
                size = _size(records, size)
            continue
        member = Member(name or info.name, info, size if size >= 0 else info.size, read)
        yield member
        member.skip()
        name, size = "", -1
    raise RunFailed(f"a tar file of more than {_MOST_MEMBERS:,} files")


def _header(read: Callable[[int], bytes]) -> tarfile.TarInfo | None:
    block = read(BLOCK)
    if not block.strip(b"\0"):
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise RunFailed(f"a tar file is damaged: {error}") from None


def _header_text(info: tarfile.TarInfo, read: Callable[[int], bytes]) -> bytes:
    if not 0 <= info.size <= _LONGEST_HEADER:
        raise RunFailed(
            f"a tar file's header of {info.size:,} bytes (no more than {_LONGEST_HEADER:,})"
        )
    text = read(info.size)
    read(-info.size % BLOCK)
    return text


def _records(text: bytes) -> dict[bytes, bytes]:
    """Read an extended header: each record with its own length before it."""
    found: dict[bytes, bytes] = {}
    place = 0
    while match := _RECORD.match(text, place):
        length = int(match[1])
        if length < match.end() - place:
            raise RunFailed("a tar file is damaged: its extended header")
        found[match[2]] = text[match.end() : place + length - 1]
        place += length
    if b"GNU.sparse.major" in found or b"GNU.sparse.size" in found:
        raise RunFailed(
            "a tar file with sparse files is not read", "pack with tar alone"
        )
    return found


def _size(records: dict[bytes, bytes], size: int) -> int:
    text = records.get(b"size")
    if text is None:
        return size
    if not text.isdigit() or len(text) > 18:
        raise RunFailed("a tar file is damaged: a file's size")
    return int(text)


def _decoded(name: bytes) -> str:
    return name.decode(errors="surrogateescape")
