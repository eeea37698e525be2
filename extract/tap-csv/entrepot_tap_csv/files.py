"""Files opened: plain, gzip, or each member of a zip archive; and held against change."""

from __future__ import annotations

import fnmatch
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, cast

from entrepot_core.storage.bounded import Bounded
from entrepot_core.storage.places import LONGEST_FILE, mark_of_file
from entrepot_tap_csv import compression
from entrepot_tap_csv.errors import Misfit, shown

_ZIP = compression.ZIP
_HEAD = 6  # bytes that tell how a file is packed
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
        except compression.faults() as error:
            raise Misfit(self.name, f"is damaged: {error}") from None
        except OSError as error:
            if error.errno is None:  # bzip2's own word
                raise Misfit(self.name, f"is damaged: {error}") from None
            if error.filename is None:
                raise
            raise Misfit(self.name, f"cannot be read: {error.strerror}") from None

    @contextmanager
    def _unpacked(self, file: IO[bytes]) -> Iterator[IO[bytes]]:
        if self.member:
            with zipfile.ZipFile(file) as archive:
                packed = archive.getinfo(self.member).compress_size
                with self._entry(archive) as content:
                    head = content.read(_HEAD)
                if compression.is_packed(head):
                    raise Misfit(
                        self.name,
                        "is packed itself, inside an archive: unpack it, or leave it out with "
                        "members",
                    )
                with self._entry(archive) as content:
                    yield self._bounded(content, packed)
            return
        head = file.read(_HEAD)
        file.seek(0)
        packed = os.fstat(file.fileno()).st_size
        if (unpack := compression.unpacker(head)) is None:
            yield self._bounded(file)
            return
        with unpack(file) as content:
            yield self._bounded(content, packed)

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


def parts_of(
    path: Path, name: str, limit: int = LONGEST_FILE, members: Sequence[str] = ()
) -> list[Part]:
    """List what a file holds.

    Args:
        path: On this machine.
        name: What rows call it.
        limit: Bytes that one may have when unpacked.
        members: Patterns of the files of an archive that are read; all when empty.

    Returns:
        The file itself, or the archive's members, but hidden ones.

    Raises:
        Misfit: If it is a damaged archive, a workbook, or has no such member.
    """
    try:
        with path.open("rb") as file:
            if not file.read(4).startswith(_ZIP):
                return [Part(name, path, limit=limit)]
            with zipfile.ZipFile(file) as archive:
                found = [each for each in archive.namelist() if not _is_hidden(each)]
    except zipfile.BadZipFile as error:
        raise Misfit(name, f"is damaged: {error}") from None
    except OSError as error:
        raise Misfit(name, f"cannot be read: {error.strerror}") from None
    if _WORKBOOK in found:
        raise Misfit(
            name, "is a workbook: set format to xlsx, and sheet if it has several"
        )
    if len(found) > _MANY:
        raise Misfit(name, f"holds {len(found):,} files; {_MANY:,} are the most")
    chosen = [each for each in found if _is_chosen(each, members)]
    if not chosen:
        listed = ", ".join(map(shown, found[:20])) or "no file"
        raise Misfit(name, f"has no member of members; it holds {listed}")
    return [Part(f"{name}/{member}", path, member, limit) for member in chosen]


def _is_hidden(member: str) -> bool:
    """Say whether a member is a folder, hidden, or what the Finder adds to archives."""
    folders = member.split("/")
    return not folders[-1] or any(
        each.startswith(".") or each == "__MACOSX" for each in folders
    )


def _is_chosen(member: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(
        fnmatch.fnmatchcase(member, each)
        or fnmatch.fnmatchcase(PurePath(member).name, each)
        for each in patterns
    )
