"""The folder to which dumps are brought, and its disk."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol

from entrepot_core.base.errors import Refused
from entrepot_core.storage.bounded import BOMB_RATIO, BOMB_SIZE

Progress = Callable[[int], None]


class Readable(Protocol):
    """What can be read in blocks: a file, a gzip file, an HTTP answer."""

    def read(self, size: int, /) -> bytes:
        """Give at most that many bytes; none at the end."""
        ...


_BLOCK = 1024 * 1024
_RESERVE = 512 * 1024**2  # bytes of the disk that stay free


def local_name(folder: Path, name: str, *identity: object) -> Path:
    """Name a local copy after what it is a copy of: a changed dump is another file.

    Args:
        folder: Where copies are; made if need be, for us alone.
        name: What people call it, for messages.
        *identity: What tells this copy from others.

    Returns:
        Its path.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256("\n".join(map(str, identity)).encode()).hexdigest()
    return folder / f"{digest[:16]}-{name[-80:]}"


def check_room(folder: Path, size: int) -> None:
    """Refuse what the disk cannot hold.

    Args:
        folder: On the disk.
        size: Bytes about to be written.

    Raises:
        Refused: If they do not fit.
    """
    free = shutil.disk_usage(folder).free
    if size > free - _RESERVE:
        raise Refused(
            [f"{folder}: {size:,} bytes do not fit into the {free:,} that are free"]
        )


class Growth:
    """Counts what a packed file grows to, however many files it holds.

    Args:
        packed: The packed file's size in bytes.
    """

    def __init__(self, packed: int) -> None:
        self._packed = packed
        self._total = 0

    def add(self, size: int) -> None:
        """Count unpacked bytes.

        Args:
            size: How many.

        Raises:
            Refused: If it grew beyond reason.
        """
        self._total += size
        if self._total > BOMB_SIZE and self._total > self._packed * BOMB_RATIO:
            raise Refused(
                [
                    f"DUMP_PATH: the gzip file grows more than {BOMB_RATIO} times: not a dump"
                ]
            )


def pour(
    source: Readable,
    file: IO[bytes],
    progress: Progress,
    folder: Path,
    growth: Growth | None = None,
    limit: int = 0,
) -> None:
    """Copy in blocks, looking at the disk's room and for a compressed bomb.

    Args:
        source: What is read.
        file: Where it goes.
        progress: Told the bytes of each block.
        folder: On the disk that is looked at.
        growth: What counts the bytes of a packed file.
        limit: Bytes that the file may have; 0 for no limit but the disk.

    Raises:
        Refused: If the disk is full, or the source grows beyond reason.
    """
    while block := source.read(_BLOCK):
        if growth is not None:
            growth.add(len(block))
        if limit and file.tell() + len(block) > limit:
            raise Refused([f"it has more than {limit:,} bytes (setting max_bytes)"])
        check_room(folder, len(block))
        file.write(block)
        progress(len(block))
