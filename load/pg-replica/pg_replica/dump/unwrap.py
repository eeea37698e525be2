"""Gzip and tar taken off a dump: few layers, every length bounded, in blocks."""

from __future__ import annotations

import gzip
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from entrepot_core.base.errors import Refused, RunFailed
from entrepot_core.storage.disk import Growth, Progress, local_name, pour
from pg_replica.dump import tar, toc

_GZIP = b"\x1f\x8b"
_FORMAT_OFFSET = 10  # of the format's code in pg_dump's header
_MOST_LAYERS = 4


def is_archive(path: Path) -> bool:
    """Say whether pg_restore reads a dump, rather than we its SQL.

    Args:
        path: An unwrapped dump.

    Returns:
        Whether it does.
    """
    if path.is_dir():
        return True
    head = _head(path)
    return head.startswith(toc.MAGIC) or tar.is_tar(head)


def unwrap(path: Path, folder: Path, progress: Progress) -> Path:
    """Take off gzip and tar.

    Args:
        path: A dump as it came.
        folder: Where unpacked copies are kept.
        progress: Told the bytes unpacked.

    Returns:
        A file, or the folder of a directory archive.

    Raises:
        Refused: If it is damaged, wrapped too often, or not one dump.
    """
    came = path
    for _ in range(_MOST_LAYERS + 1):
        following = _without_a_layer(path, folder, progress)
        if following == path:
            return path
        path = following
    raise Refused(
        [
            f"DUMP_PATH: {came.name} is packed more than {_MOST_LAYERS} times: unpack it first"
        ]
    )


def _without_a_layer(path: Path, folder: Path, progress: Progress) -> Path:
    """Take off one layer; give the same path when there is none."""
    if path.is_dir():
        if not (path / "toc.dat").is_file():
            raise Refused(
                [f"DUMP_PATH: the folder {path} is not a directory archive: no toc.dat"]
            )
        return path
    head = _head(path)
    if not head:
        raise Refused([f"DUMP_PATH: {path.name} is empty"])
    if head.startswith(_GZIP):
        with _explained(path, "gzip"), gzip.open(path) as file:
            inner = file.read(tar.BLOCK)
        if tar.is_tar(inner) and not _is_first_of_archive(inner):
            return _untar(path, folder, progress)
        return _gunzip(path, folder, progress)
    if tar.is_tar(head):
        return path if _is_tar_archive(path) else _untar(path, folder, progress)
    if b"\0" in head and not head.startswith(toc.MAGIC):
        raise Refused(
            [f"DUMP_PATH: {path.name} is not a dump: neither pg_dump's archive nor SQL"]
        )
    return path


def _is_first_of_archive(head: bytes) -> bool:
    """Say whether a tar file's first header is that of a tar or directory archive's contents."""
    return head.startswith(b"toc.dat\0")


def _is_tar_archive(path: Path) -> bool:
    """Whether a tar file is pg_dump's own tar format, rather than a wrapping."""
    with _explained(path, "tar"), path.open("rb") as file:
        first = next(iter(tar.members(file.read)), None)
        if first is None or first.name != "toc.dat":
            return False
        header = first.read(16)
    return header.startswith(toc.MAGIC) and header[_FORMAT_OFFSET:][:1] == bytes(
        [toc.TAR]
    )


def _identity(path: Path) -> tuple[object, ...]:
    status = path.stat()
    return (path.resolve(), status.st_size, status.st_mtime_ns)


@contextmanager
def _explained(path: Path, kind: str) -> Iterator[None]:
    """Say of what is wrong with a packed file which file it is."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Refused(
            [f"DUMP_PATH: {path.name} is a damaged {kind} file: {error}"]
        ) from None
    except RunFailed as error:
        raise Refused([f"DUMP_PATH: {path.name}: {error}"]) from None
    except OSError as error:
        raise RunFailed(f"unpacking {path.name}: {error.strerror or error}") from None


def _gunzip(path: Path, folder: Path, progress: Progress) -> Path:
    target = local_name(
        folder, path.name.removesuffix(".gz"), "gunzip", *_identity(path)
    )
    if target.exists():
        return target
    part = target.with_name(target.name + ".part")
    try:
        with (
            _explained(path, "gzip"),
            gzip.open(path) as source,
            part.open("wb") as file,
        ):
            pour(source, file, progress, folder, Growth(path.stat().st_size))
    except BaseException:
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
        opened = gzip.open if _head(path).startswith(_GZIP) else open
        growth = Growth(path.stat().st_size)
        with _explained(path, "tar"), opened(path, "rb") as file:
            for member in tar.members(file.read):
                _extract(member, part, path, progress, growth)
        part.rename(target)
    return _only_dump(target, path)


def _extract(
    member: tar.Member, into: Path, path: Path, progress: Progress, growth: Growth
) -> None:
    name = member.name.replace("\0", "")
    destination = (into / name).resolve()
    if not destination.is_relative_to(into.resolve()) or not (
        member.is_file or member.is_folder
    ):
        raise Refused(
            [
                f"DUMP_PATH: {path.name} holds {member.name!r}, which would be written elsewhere"
            ]
        )
    if member.is_folder:
        destination.mkdir(parents=True, exist_ok=True)
        return
    destination.parent.mkdir(parents=True, exist_ok=True)
    with destination.open("wb") as file:
        pour(member, file, progress, into, growth)


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
