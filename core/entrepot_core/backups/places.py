"""Where backups are kept: a folder, or what begins with a prefix in a bucket."""

from __future__ import annotations

import os
import shutil
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

from entrepot_core.backups.settings import PlaceSettings
from entrepot_core.backups.stream import DumpStream
from entrepot_core.base.errors import TransientFailure
from entrepot_core.base.logs import event
from entrepot_core.storage import s3
from entrepot_core.storage.disk import check_room

_BLOCK = 1024**2
_SMALLEST_PART = 16 * 1024**2
_PARTS = 9_000  # an object has 10,000 at most
_AT_ONCE = 2  # parts on their way; with those that wait, what bounds our memory
_STALE = timedelta(days=2)


class Place(Protocol):
    """Where backups are kept."""

    def path(self, name: str) -> str:
        """Spell a backup's whole name, for people and for DUMP_PATH."""

    def names(self) -> list[str]:
        """List what is there."""

    def store(self, name: str, dump: DumpStream, expected: int) -> None:
        """Store a dump under its name once it is whole, and never a part of it."""

    def store_text(self, name: str, text: str) -> None:
        """Store a small file."""

    def read_text(self, name: str) -> str:
        """Read a small file."""

    def fetch(self, name: str, target: Path) -> None:
        """Copy a backup to this machine."""

    def remove(self, name: str) -> None:
        """Remove a file."""


def of(where: str, settings: PlaceSettings) -> Place:
    """Find a place.

    Args:
        where: A folder, or `s3://bucket/prefix`.
        settings: For S3's key.

    Returns:
        Where backups can be stored, listed and read.
    """
    if where.startswith("s3://"):
        return BackupBucket(where, settings)
    return BackupFolder(Path(where))


class BackupFolder:
    """A folder of this machine.

    Args:
        folder: Made when something is stored.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> str:
        """Spell a backup's path."""
        return str(self._folder / name)

    def names(self) -> list[str]:
        """List the files."""
        if not self._folder.is_dir():
            return []
        return sorted(each.name for each in self._folder.iterdir() if each.is_file())

    def store(self, name: str, dump: DumpStream, expected: int) -> None:
        """Write a dump beside, and give it its name when it is whole and on the disk.

        Args:
            name: Its name.
            dump: The dump.
            expected: Not used: a file grows.

        Raises:
            TransientFailure: If the folder cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = self._folder / f"{name}.part"
        try:
            with part.open("wb") as file:
                os.fchmod(file.fileno(), 0o600)
                while block := dump.read(_BLOCK):
                    check_room(self._folder, len(block))
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._folder / name)
        except OSError as error:
            raise TransientFailure(
                f"cannot write {part}: {error.strerror or error}"
            ) from None
        finally:
            part.unlink(missing_ok=True)

    def store_text(self, name: str, text: str) -> None:
        """Write a small file."""
        (self._folder / name).write_text(text, encoding="utf-8")

    def read_text(self, name: str) -> str:
        """Read a small file."""
        return (self._folder / name).read_text(encoding="utf-8")

    def fetch(self, name: str, target: Path) -> None:
        """Copy a file."""
        shutil.copyfile(self._folder / name, target)

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self._folder / name).unlink(missing_ok=True)


class BackupBucket:
    """What begins with a prefix in a bucket."""

    def __init__(self, url: str, settings: PlaceSettings) -> None:
        """Connect.

        Args:
            url: `s3://bucket/prefix`.
            settings: For the key.

        """
        service = s3.Service(
            settings.s3_endpoint_url,
            settings.access_key,
            settings.secret_key,
            settings.network_timeout,
        )
        self._bucket = s3.Bucket(url, service)
        prefix = unquote(self._bucket.key).strip("/")
        self._prefix = f"{prefix}/" if prefix else ""

    def path(self, name: str) -> str:
        """Spell an object's URL."""
        return self._bucket.url(self._prefix + name)

    def names(self) -> list[str]:
        """List the objects, without the prefix."""
        found = self._bucket.objects(self._prefix, folder_only=True)
        return sorted(each.key.removeprefix(self._prefix) for each in found)

    def store(self, name: str, dump: DumpStream, expected: int) -> None:
        """Send a dump in parts, which become an object only when the last has arrived.

        Args:
            name: Its name.
            dump: The dump.
            expected: How many bytes it may have: parts are made large enough for it.

        Raises:
            TransientFailure: If it did not arrive; nothing of it is left.
        """
        from boto3.s3.transfer import TransferConfig

        size = max(_SMALLEST_PART, expected // _PARTS)
        config = TransferConfig(
            multipart_threshold=size, multipart_chunksize=size, max_concurrency=_AT_ONCE
        )
        config.max_in_memory_upload_chunks = _AT_ONCE
        key = self._prefix + name
        with self._written(name):
            self._forget_stale()
            self._client.upload_fileobj(dump, self._bucket.name, key, Config=config)
        arrived = self._bucket.head(key)
        if arrived.size != dump.size:
            self.remove(name)
            raise TransientFailure(
                f"{self.path(name)}: {arrived.size} of {dump.size} bytes arrived: "
                "removed"
            )

    def _forget_stale(self) -> None:
        """Give up the parts that a killed run sent: the service would charge for them for ever."""
        from botocore.exceptions import ClientError

        before = datetime.now(timezone.utc) - _STALE
        # Not every service knows this, nor does every key allow it: no dump fails for it.
        with suppress(ClientError):
            listed = self._client.list_multipart_uploads(
                Bucket=self._bucket.name, Prefix=self._prefix
            )
            for upload in listed.get("Uploads", []):
                if upload["Initiated"] < before:
                    self._client.abort_multipart_upload(
                        Bucket=self._bucket.name,
                        Key=upload["Key"],
                        UploadId=upload["UploadId"],
                    )

    def store_text(self, name: str, text: str) -> None:
        """Store a small object."""
        with self._written(name):
            self._client.put_object(
                Bucket=self._bucket.name, Key=self._prefix + name, Body=text.encode()
            )

    def read_text(self, name: str) -> str:
        """Read a small object."""
        key = self._prefix + name
        with self._bucket.explained(f"{self.path(name)} could not be read"):
            found = self._client.get_object(Bucket=self._bucket.name, Key=key)
            content: bytes = found["Body"].read()
            return content.decode()

    def fetch(self, name: str, target: Path) -> None:
        """Copy an object to this machine."""
        self._bucket.fetch(self._bucket.head(self._prefix + name), target)

    def remove(self, name: str) -> None:
        """Remove an object."""
        with self._bucket.explained(f"{self.path(name)} could not be removed"):
            self._client.delete_object(
                Bucket=self._bucket.name, Key=self._prefix + name
            )

    @property
    def _client(self) -> Any:  # boto3 makes its classes while it runs
        return self._bucket.client

    def _written(self, name: str) -> AbstractContextManager[None]:
        return self._bucket.explained(f"{self.path(name)} could not be written")


def store_with_sum(place: Place, name: str, dump: DumpStream, expected: int) -> None:
    """Store a dump, and beside it its checksum as `sha256sum --check` reads it.

    Args:
        place: Where.
        name: The dump's name.
        dump: The dump.
        expected: How many bytes it may have.
    """
    place.store(name, dump, expected)
    place.store_text(f"{name}{SUM}", f"{dump.sha256}  {name}\n")
    event(f"{place.path(name)}: {dump.size:,} bytes, SHA-256 {dump.sha256}")


SUM = ".sha256"
