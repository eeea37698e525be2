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
from typing import IO

from entrepot_tap_csv.errors import Misfit
from entrepot_tap_csv.places import mark_of_file

_GZIP, _ZIP = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06")
_WORKBOOK = "[Content_Types].xml"


@dataclass(frozen=True)
class Part:
    """A file of rows: a whole file, or a member of an archive.

    Attributes:
        name: What rows call it.
        path: Of the file on this machine.
        member: In the archive; empty for a file that is none.
    """

    name: str
    path: Path
    member: str = ""

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
                yield content
            return
        is_gzip = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        if is_gzip:
            with gzip.GzipFile(fileobj=file) as content:
                yield content  # type: ignore[misc]
        else:
            yield file

    def _entry(self, archive: zipfile.ZipFile) -> IO[bytes]:
        try:
            return archive.open(self.member)
        # zipfile's, for a password; its subclass NotImplementedError for an unknown compression.
        except RuntimeError as error:
            raise Misfit(self.name, f"cannot be unpacked: {error}") from None


def parts_of(path: Path, name: str) -> list[Part]:
    """List what a file holds.

    Args:
        path: On this machine.
        name: What rows call it.

    Returns:
        The file itself, or the archive's members.

    Raises:
        Misfit: If it is a damaged archive, or a workbook.
    """
    try:
        with path.open("rb") as file:
            if not file.read(4).startswith(_ZIP):
                return [Part(name, path)]
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
    return [Part(f"{name}/{member}", path, member) for member in members]
