"""Files whose unpacked bytes are counted, so that a small archive fills no disk and no memory."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import IO

BOMB_SIZE = 1024**3  # unpacked bytes from which the ratio is looked at
BOMB_RATIO = 200  # text rarely shrinks to a fiftieth; gzip's limit is a thousandth
_BLOCK = 1024**2  # bytes


class Bounded(io.RawIOBase):
    """A file that refuses to give more than it may."""

    def __init__(
        self,
        file: IO[bytes],
        limit: int,
        refuse: Callable[[str], Exception],
        packed: int = 0,
    ) -> None:
        """Wrap a file.

        Args:
            file: Open for reading at its beginning.
            limit: Bytes that it may have.
            refuse: Makes the error, from what is wrong.
            packed: Bytes from which the file is unpacked; 0 for one that is not.
        """
        super().__init__()
        self._file = file
        self._limit = limit
        self._refuse = refuse
        self._packed = packed
        self._size = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say whether it can be read again."""
        return self._file.seekable()

    def read(self, size: int = -1) -> bytes:
        """Read at most so many bytes.

        Args:
            size: Bytes; all by default, up to the limit.

        Returns:
            The bytes; none at the end.

        Raises:
            Exception: What `refuse` makes, if the file is too long, or unpacks to too much.
        """
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(_BLOCK), b""))
        content = self._file.read(min(size, self._limit - self._size + 1))
        self._size += len(content)
        if self._size > self._limit:
            raise self._refuse(
                f"it has more than {self._limit:,} bytes"
                + (" when unpacked" if self._packed else "")
            )
        if (
            self._packed
            and self._size > BOMB_SIZE
            and self._size > self._packed * BOMB_RATIO
        ):
            raise self._refuse(
                f"its {self._packed:,} bytes unpack to more than {BOMB_RATIO} times as many"
            )
        return content

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # typeshed: any buffer
        """Read into a buffer.

        Args:
            buffer: Filled from its beginning.

        Returns:
            How many bytes were read.
        """
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, from which bytes count anew.

        Args:
            offset: Bytes.
            whence: As in `io`.

        Returns:
            The place.
        """
        at = self._file.seek(offset, whence)
        self._size = at
        return at

    def tell(self) -> int:
        """Give the place."""
        return self._file.tell()
