"""Files opened: plain, gzip, or each member of a zip archive; and held against change."""

from __future__ import annotations

import gzip
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from entrepot_core.storage.bounded import Bounded
from entrepot_tap_csv.errors import Misfit
from entrepot_tap_csv.places import LONGEST_FILE, mark_of_file

_GZIP, _ZIP = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06")
_MANY = 10_000  # files of one archive
_WORKBOOK = "[Content_Types].xml"


@dataclass(frozen=True)
class Part:
    """A file of rows: a whole file, or a member of an archive.

    Attributes:
        name: What rows call it.
        path: Of the file on this machine.
        member: In the archive; empty for a file that is none.
        limit: Bytes that it may have when unpacked.
    """

    name: str
    path: Path
    member: str = ""
    limit: int = LONGEST_FILE

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open it for reading, unpacked.

        Yields:
            The file.

        Raises:
            OSError: If the disk of this machine fails.
            Misfit: If it is damaged, or has changed meanwhile.
        """
        try:
            with self.path.open("rb") as file:
                before = mark_of_file(os.fstat(file.fileno()))
                with self._unpacked(file) as content:
                    yield content
                if mark_of_file(os.fstat(file.fileno())) != before:
                    raise Misfit(
                        self.name,
                        "has changed while it was read: run again when it is complete; nothing "
                        "of it is kept",
                    )
        except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error) as error:
            raise Misfit(self.name, f"is damaged: {error}") from None
        except OSError as error:
            if error.filename is None:
                raise
            raise Misfit(self.name, f"cannot be read: {error.strerror}") from None

    @contextmanager
    def _unpacked(self, file: IO[bytes]) -> Iterator[IO[bytes]]:
        if self.member:
            with zipfile.ZipFile(file) as archive, self._entry(archive) as content:
                packed = archive.getinfo(self.member).compress_size
                yield self._bounded(content, packed)
            return
        is_gzip = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        if is_gzip:
            with gzip.GzipFile(fileobj=file) as content:
                packed = os.fstat(file.fileno()).st_size
                yield self._bounded(cast("IO[bytes]", content), packed)
        else:
            yield self._bounded(file)

    def _bounded(self, content: IO[bytes], packed: int = 0) -> IO[bytes]:
        """Count what is read: a small archive may unpack to more than any disk holds."""
        return cast("IO[bytes]", Bounded(content, self.limit, self._too_long, packed))

    def _too_long(self, what: str) -> Misfit:
        return Misfit(self.name, f"{what} (setting max_bytes): is this what was meant?")

    def _entry(self, archive: zipfile.ZipFile) -> IO[bytes]:
        try:
            return archive.open(self.member)
        # zipfile's, for a password; its subclass NotImplementedError for an unknown compression.
        except RuntimeError as error:
            raise Misfit(self.name, f"cannot be unpacked: {error}") from None


def parts_of(path: Path, name: str, limit: int = LONGEST_FILE) -> list[Part]:
    """List what a file holds.

    Args:
        path: On this machine.
        name: What rows call it.
        limit: Bytes that one may have when unpacked.

    Returns:
        The file itself, or the archive's members.

    Raises:
        Misfit: If it is a damaged archive, or a workbook.
    """
    try:
        with path.open("rb") as file:
            if not file.read(4).startswith(_ZIP):
                return [Part(name, path, limit=limit)]
            with zipfile.ZipFile(file) as archive:
                members = [
                    each for each in archive.namelist() if not each.endswith("/")
                ]
    except zipfile.BadZipFile as error:
        raise Misfit(name, f"is damaged: {error}") from None
    except OSError as error:
        raise Misfit(name, f"cannot be read: {error.strerror}") from None
    if _WORKBOOK in members:
        raise Misfit(name, "is a workbook, not a CSV file: export it as CSV")
    if len(members) > _MANY:
        raise Misfit(name, f"holds {len(members):,} files; {_MANY:,} are the most")
    return [Part(f"{name}/{member}", path, member, limit) for member in members]
