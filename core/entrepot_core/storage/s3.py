"""Buckets of the S3 service that the project's variables name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from entrepot_core.base.errors import Refused, RunFailed, TransientFailure
from entrepot_core.base.redaction import redact
from entrepot_core.storage.disk import check_room

TRIES = 5
_ADVICE = {
    403: "ACCESS_KEY or SECRET_KEY is wrong, or may not do this",
    404: "there is no such bucket or object: check the URL, or BUCKET_NAME",
}
# Each service has its own word and status: QuotaExceeded 403, XMinioStorageFull 507, …
_FULL = re.compile("quota|full|insufficient", re.IGNORECASE)


@dataclass(frozen=True)
class Service:
    """The service and the key for it.

    Attributes:
        endpoint_url: `S3_ENDPOINT_URL`; Amazon's service when None.
        access_key: `ACCESS_KEY`.
        secret_key: `SECRET_KEY`.
        timeout: Seconds after which a silent network counts as cut.
    """

    endpoint_url: str | None
    access_key: str | None
    secret_key: str | None
    timeout: int

    @classmethod
    def from_environment(cls, timeout: int) -> Service:
        """Read the project's variables.

        Args:
            timeout: Seconds after which a silent network counts as cut.

        Returns:
            The service; its key is known to the redactor.
        """
        endpoint, access, secret = (
            os.environ.get(name) or None
            for name in ("S3_ENDPOINT_URL", "ACCESS_KEY", "SECRET_KEY")
        )
        redact.hide(secret)
        return cls(endpoint, access, secret, timeout)


@dataclass(frozen=True)
class Object:
    """An object as a listing names it.

    Attributes:
        key: Its whole name.
        size: Bytes.
        etag: What changes when the object is written again.
        changed: When it was written, with its time zone.
    """

    key: str
    size: int
    etag: str
    changed: datetime


class Bucket:
    """One bucket.

    Attributes:
        name: The bucket's.
        key: What the URL names in it: an object, a prefix or a pattern; may be empty. It is not
            percent-decoded.
        client: boto3's. Paths name the bucket, as services other than Amazon's want it.
    """

    def __init__(self, url: str, service: Service) -> None:
        """Connect.

        Args:
            url: `s3://bucket/key`.
            service: The service.

        Raises:
            Refused: If the URL names no bucket.
        """
        self.name = urlsplit(url).netloc
        if not self.name:
            raise Refused([f"{url} names no bucket; write it as s3://bucket/prefix"])
        # Not urlsplit's path: a key may hold a ? or a #.
        self.key = url.partition(self.name)[2].lstrip("/")
        self.client = _client(service)

    def url(self, key: str = "") -> str:
        """Spell the URL of an object, or of the bucket."""
        return f"s3://{self.name}/{key}"

    def objects(self, prefix: str, *, folder_only: bool = False) -> list[Object]:
        """List objects.

        Args:
            prefix: What their keys begin with.
            folder_only: Whether keys with a further / are left out.

        Returns:
            All of them, in the order of their keys.
        """
        with self.explained(f"{self.url(self.key)} could not be read"):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name,
                Prefix=prefix,
                **({"Delimiter": "/"} if folder_only else {}),
            )
            return [
                Object(each["Key"], each["Size"], each["ETag"], each["LastModified"])
                for page in pages
                for each in page.get("Contents", [])
            ]

    def head(self, key: str) -> Object:
        """Ask for one object as it is now."""
        with self.explained(f"{self.url(key)} could not be read"):
            now = self.client.head_object(Bucket=self.name, Key=key)
        return Object(key, now["ContentLength"], now["ETag"], now["LastModified"])

    def fetch(
        self, found: Object, target: Path, progress: Callable[[int], None] | None = None
    ) -> None:
        """Bring an object to this machine.

        Args:
            found: The object.
            target: The file; it has its name only when the object is whole.
            progress: Told the bytes of each block.

        Raises:
            Refused: If the disk has no room, or the service refuses.
        """
        check_room(target.parent, found.size)
        part = target.with_name(target.name + ".part")
        with self.explained(f"{self.url(found.key)} could not be fetched"):
            self.client.download_file(
                self.name, found.key, str(part), Callback=progress
            )
        part.rename(target)

    def copy_to(self, found: Object, file: IO[bytes], limit: int) -> None:
        """Write an object into an open file.

        Args:
            found: The object.
            file: Opened for writing.
            limit: Bytes that it may have.

        Raises:
            RunFailed: If it is longer.
        """
        if found.size > limit:
            raise RunFailed(
                f"{self.url(found.key)} is longer than {limit} bytes (setting max_bytes)"
            )
        with self.explained(f"{self.url(found.key)} could not be read"):
            self.client.download_fileobj(self.name, found.key, file)

    @contextmanager
    def explained(self, what: str) -> Iterator[None]:
        """Say what could not be done, and the service's answer; refused where no retry helps."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            raise _refusal(error.response, what) from None
        except (BotoCoreError, Boto3Error) as error:
            raise TransientFailure(
                f"{what}: {redact(str(error))}",
                "check S3_ENDPOINT_URL and the network",
            ) from None


def _refusal(response: Mapping[str, Any], what: str) -> TransientFailure | Refused:
    status = response["ResponseMetadata"].get("HTTPStatusCode", 0)
    code = response["Error"].get("Code", "")
    message = redact(f"{what}: {code}: {response['Error'].get('Message', '')}")
    if _FULL.search(code):
        advice = "the bucket is full: remove something, or lower BACKUP_KEEP"
        return TransientFailure(message, advice)
    if status in _ADVICE:
        return Refused([f"{message}: {_ADVICE[status]}"])
    return TransientFailure(message)


def _client(service: Service) -> Any:  # boto3 makes its classes while it runs
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=service.endpoint_url,
        aws_access_key_id=service.access_key,
        aws_secret_access_key=service.secret_key,
        region_name=os.environ.get("AWS_REGION") or "us-east-1",
        config=Config(
            retries={"max_attempts": TRIES, "mode": "standard"},
            connect_timeout=service.timeout,
            read_timeout=service.timeout,
            s3={"addressing_style": "path"},
        ),
    )
