"""A dump brought here: from http(s) or S3, unwrapped from gzip and tar.

A dump is never deleted by a failure: what was fetched stays for the next try, and only a run
that has published removes its own copy. Nobody else's file is ever removed.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit, urlunsplit

from pg_replica.archive import Archive, open_archive
from pg_replica.errors import Refused, RunFailed, TransientFailure
from pg_replica.plain import PlainDump
from pg_replica.redaction import redact
from pg_replica.settings import Settings
from pg_replica.tools import ClientTools

_BLOCK = 1024 * 1024
_RESERVE = 512 * 1024**2  # bytes of the disk that stay free
_BOMB_SIZE = 1024**3  # bytes from which the ratio is looked at
_BOMB_RATIO = 200  # SQL text rarely shrinks to a fiftieth; gzip's limit is a thousandth
_MAGIC = b"PGDMP"
_FORMAT_OFFSET = 10  # of the format's code in pg_dump's header
_TAR_FORMAT = 3
_TRIES = 5

Dump = Archive | PlainDump
Progress = Callable[[int], None]


def open_dump(
    settings: Settings, candidates: list[ClientTools], progress: Progress
) -> Dump:
    """Bring `DUMP_PATH` here and open it.

    Args:
        settings: With the path, and S3's key where it is needed.
        candidates: The client tools found.
        progress: Told the bytes fetched or unpacked, a part at a time.

    Returns:
        The dump.

    Raises:
        Refused: If it is not a dump that can be read.
        TransientFailure: If it could not be fetched.
    """
    assert settings.dump_path is not None
    folder = settings.work_dir / "dumps"
    path = _bring(settings.dump_path, folder, settings, progress)
    path = _unwrap(path, folder, progress)
    if path.is_dir() or _head(path).startswith(_MAGIC) or tarfile.is_tarfile(path):
        return open_archive(path, candidates)
    return PlainDump(path)


def forget(settings: Settings) -> None:
    """Remove what was fetched or unpacked, once it is published.

    Args:
        settings: With the work folder.
    """
    shutil.rmtree(settings.work_dir / "dumps", ignore_errors=True)


def _bring(place: str, folder: Path, settings: Settings, progress: Progress) -> Path:
    if place.startswith(("http://", "https://")):
        return _from_http(place, folder, settings.network_timeout, progress)
    if place.startswith("s3://"):
        return _from_s3(place, folder, settings, progress)
    path = Path(place)
    if not path.exists():
        raise Refused([f"DUMP_PATH: {path} does not exist"])
    if not os.access(path, os.R_OK):
        raise Refused([f"DUMP_PATH: {path} cannot be read by this user"])
    return path


def _cached(folder: Path, *identity: object) -> Path:
    """Name the local copy after what it is a copy of: a changed dump is another file."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return (
        folder / hashlib.sha256("\n".join(map(str, identity)).encode()).hexdigest()[:24]
    )


def _from_http(url: str, folder: Path, timeout: int, progress: Progress) -> Path:
    import urllib3

    parts = urlsplit(url)
    headers = {}
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = urllib3.make_headers(basic_auth=user)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    shown = redact(urlunsplit(urlsplit(bare)._replace(query="")))
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=30, read=timeout), headers=headers
    )
    part, known = None, ("", "")
    reason = ""
    for _ in range(_TRIES):
        have = part.stat().st_size if part and part.exists() else 0
        asked = {**headers, "Accept-Encoding": "identity"}
        if have:
            asked |= {"Range": f"bytes={have}-", "If-Range": known[0]}
        try:
            with pool.request(
                "GET", bare, preload_content=False, headers=asked
            ) as answer:
                if answer.status not in (200, 206):
                    if answer.status < 500 and answer.status != 429:
                        raise Refused([f"DUMP_PATH: {shown} answered {answer.status}"])
                    reason = f"status {answer.status}"
                    continue
                known = (
                    answer.headers.get("ETag", ""),
                    answer.headers.get("Last-Modified", ""),
                )
                target = _cached(folder, bare, *known, _whole_length(answer))
                if target.exists():
                    return target
                part = target.with_suffix(".part")
                with part.open("ab" if answer.status == 206 else "wb") as file:
                    _pour(answer, file, progress, folder)
                part.rename(target)
                return target
        except urllib3.exceptions.HTTPError as error:
            reason = type(error).__name__
    raise TransientFailure(
        f"the dump {shown} could not be fetched in {_TRIES} tries: {reason}"
    )


def _whole_length(answer) -> str:  # type: ignore[no-untyped-def]
    """Size of the whole file, also when only the rest of it is answered."""
    return answer.headers.get("Content-Range", "").rpartition("/")[
        2
    ] or answer.headers.get("Content-Length", "")


def _from_s3(url: str, folder: Path, settings: Settings, progress: Progress) -> Path:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    parts = urlsplit(url)
    bucket, key = parts.netloc, unquote(parts.path.lstrip("/"))
    client = boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint_url,
        aws_access_key_id=settings.s3_access_key,
        aws_secret_access_key=settings.s3_secret_key,
        region_name=os.environ.get("AWS_REGION", "us-east-1"),
        config=Config(
            retries={"max_attempts": _TRIES, "mode": "standard"},
            read_timeout=settings.network_timeout,
            s3={"addressing_style": "path"},
        ),
    )
    try:
        prefix = key.rstrip("/") + "/"
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=key
        )
        objects = {
            found["Key"]: found for page in pages for found in page.get("Contents", [])
        }
        if key in objects:
            found = objects[key]
            target = _cached(folder, url, found["ETag"], found["Size"])
            _fetch_object(client, bucket, found, target, progress)
            return target
        inside = [found for name, found in objects.items() if name.startswith(prefix)]
        if not any(found["Key"] == prefix + "toc.dat" for found in inside):
            raise Refused(
                [f"DUMP_PATH: {url} is neither an object nor a directory archive"]
            )
        target = _cached(
            folder, url, *(f"{found['Key']}{found['ETag']}" for found in inside)
        )
        target.mkdir(exist_ok=True)
        for found in inside:
            _fetch_object(
                client, bucket, found, target / Path(found["Key"]).name, progress
            )
        return target
    except (BotoCoreError, ClientError) as error:
        raise TransientFailure(
            f"the dump {url} could not be fetched: {redact(str(error))}"
        ) from None


def _fetch_object(
    client, bucket: str, found: dict, target: Path, progress: Progress
) -> None:  # type: ignore[no-untyped-def,type-arg]
    if target.exists():
        return
    part = target.with_suffix(target.suffix + ".part")
    _check_room(target.parent, found["Size"])
    client.download_file(bucket, found["Key"], str(part), Callback=progress)
    part.rename(target)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(512)


def _unwrap(path: Path, folder: Path, progress: Progress) -> Path:
    """Take off gzip and tar, as many layers as there are."""
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
        return _unwrap(_gunzip(path, folder, progress), folder, progress)
    if tarfile.is_tarfile(path) and not _is_tar_archive(path):
        return _unwrap(_untar(path, folder, progress), folder, progress)
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


def _identity(path: Path) -> tuple[object, ...]:
    status = path.stat()
    return (path.resolve(), status.st_size, status.st_mtime_ns)


def _gunzip(path: Path, folder: Path, progress: Progress) -> Path:
    target = _cached(folder, "gunzip", *_identity(path))
    if target.exists():
        return target
    part = target.with_suffix(".part")
    try:
        with gzip.open(path) as source, part.open("wb") as file:
            _pour(source, file, progress, folder, compressed=path.stat().st_size)
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
    target = _cached(folder, "untar", *_identity(path))
    if not target.exists():
        part = target.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            with tarfile.open(path) as tar:
                for member in tar:
                    _extract(tar, member, part, path, progress)
        except tarfile.TarError as error:
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
        _pour(content, file, progress, into)


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


def _check_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if size > free - _RESERVE:
        raise Refused(
            [f"{folder}: {size:,} bytes do not fit into the {free:,} that are free"]
        )


def _pour(
    source: IO[bytes],
    file: IO[bytes],
    progress: Progress,
    folder: Path,
    compressed: int = 0,
) -> None:
    """Copy in blocks, looking at the disk's room and for a compressed bomb."""
    total = 0
    while block := source.read(_BLOCK):
        total += len(block)
        if compressed and total > _BOMB_SIZE and total > compressed * _BOMB_RATIO:
            raise Refused(
                [
                    f"DUMP_PATH: the gzip file grows more than {_BOMB_RATIO} times: not a dump"
                ]
            )
        _check_room(folder, len(block))
        file.write(block)
        progress(len(block))
