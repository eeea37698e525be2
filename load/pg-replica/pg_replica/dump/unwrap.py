"""Gzip and tar taken off a dump, as many layers as there are."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from pathlib import Path

from entrepot_core.base.errors import Refused, RunFailed
from entrepot_core.storage.disk import Progress, local_name, pour

_MAGIC = b"PGDMP"
_FORMAT_OFFSET = 10  # of the format's code in pg_dump's header
_TAR_FORMAT = 3


def is_archive(path: Path) -> bool:
    """Say whether pg_restore reads a dump, rather than we its SQL.

    Args:
        path: An unwrapped dump.
    """
    return path.is_dir() or _head(path).startswith(_MAGIC) or tarfile.is_tarfile(path)


def unwrap(path: Path, folder: Path, progress: Progress) -> Path:
    """Take off gzip and tar.

    Args:
        path: A dump as it came.
        folder: Where unpacked copies are kept.
        progress: Told the bytes unpacked.

    Returns:
        A file, or the folder of a directory archive.

    Raises:
        Refused: If it is damaged, or not one dump.
    """
    if path.is_dir():
        if not (path / "toc.dat").is_file():
            raise Refused(
                [f"DUMP_PATH: the folder {path} is not a directory archive: no toc.dat"]
            )
        return path
    head = _head(path)
    if not head:
        raise Refused([f"DUMP_PATH: {path.name} is empty"])
    if head.startswith(b"\x1f\x8b"):
        if _wraps_tar(path):
            return unwrap(_untar(path, folder, progress), folder, progress)
        return unwrap(_gunzip(path, folder, progress), folder, progress)
    if tarfile.is_tarfile(path) and not _is_tar_archive(path):
        return unwrap(_untar(path, folder, progress), folder, progress)
    if b"\0" in head and not head.startswith(_MAGIC) and not tarfile.is_tarfile(path):
        raise Refused(
            [f"DUMP_PATH: {path.name} is not a dump: neither pg_dump's archive nor SQL"]
        )
    return path


def _is_tar_archive(path: Path) -> bool:
    """Whether a tar file is pg_dump's own tar format, rather than a wrapping."""
    with tarfile.open(path) as tar:
        first = tar.next()
        content = tar.extractfile(first) if first and first.name == "toc.dat" else None
        header = content.read(16) if content else b""
    return header.startswith(_MAGIC) and header[_FORMAT_OFFSET] == _TAR_FORMAT


def _wraps_tar(path: Path) -> bool:
    """Whether a gzip file holds a tar file to be unpacked on the way, with no copy of it."""
    try:
        with tarfile.open(path, "r|gz") as tar:
            first = tar.next()
            return first is not None and first.name != "toc.dat"
    except (EOFError, OSError, tarfile.TarError, zlib.error):
        return False  # something else, or damaged: unpacking says which


def _identity(path: Path) -> tuple[object, ...]:
    status = path.stat()
    return (path.resolve(), status.st_size, status.st_mtime_ns)


def _gunzip(path: Path, folder: Path, progress: Progress) -> Path:
    target = local_name(
        folder, path.name.removesuffix(".gz"), "gunzip", *_identity(path)
    )
    if target.exists():
        return target
    part = target.with_name(target.name + ".part")
    try:
        with gzip.open(path) as source, part.open("wb") as file:
            pour(source, file, progress, folder, compressed=path.stat().st_size)
    except (EOFError, OSError, gzip.BadGzipFile) as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno:
            raise RunFailed(f"unpacking {path.name}: {error.strerror}") from None
        raise Refused(
            [f"DUMP_PATH: {path.name} is a damaged gzip file: {error}"]
        ) from None
    except Refused:
        part.unlink(missing_ok=True)
        raise
    part.rename(target)
    return target


def _untar(path: Path, folder: Path, progress: Progress) -> Path:
    target = local_name(folder, path.name, "untar", *_identity(path))
    if not target.exists():
        part = target.with_name(target.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            with tarfile.open(path, "r|*") as tar:
                for member in tar:
                    _extract(tar, member, part, path, progress)
        except (EOFError, gzip.BadGzipFile, tarfile.TarError, zlib.error) as error:
            raise Refused(
                [f"DUMP_PATH: {path.name} is a damaged tar file: {error}"]
            ) from None
        part.rename(target)
    return _only_dump(target, path)


def _extract(
    tar: tarfile.TarFile,
    member: tarfile.TarInfo,
    into: Path,
    path: Path,
    progress: Progress,
) -> None:
    destination = (into / member.name).resolve()
    if not destination.is_relative_to(into.resolve()) or not (
        member.isfile() or member.isdir()
    ):
        raise Refused(
            [
                f"DUMP_PATH: {path.name} holds {member.name!r}, which would be written elsewhere"
            ]
        )
    if member.isdir():
        destination.mkdir(parents=True, exist_ok=True)
        return
    destination.parent.mkdir(parents=True, exist_ok=True)
    content = tar.extractfile(member)
    assert content is not None
    with destination.open("wb") as file:
        pour(content, file, progress, into, compressed=path.stat().st_size)


def _only_dump(folder: Path, path: Path) -> Path:
    """Find the one dump among what a tar file held."""
    archives = [toc.parent for toc in folder.rglob("toc.dat")]
    files = [
        file
        for file in folder.rglob("*")
        if file.is_file()
        and not any(file.is_relative_to(archive) for archive in archives)
    ]
    dumps = archives + files
    if len(dumps) != 1:
        names = (
            ", ".join(str(dump.relative_to(folder)) for dump in sorted(dumps))
            or "nothing"
        )
        raise Refused([f"DUMP_PATH: {path.name} must hold one dump; it holds {names}"])
    return dumps[0]


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(512)
