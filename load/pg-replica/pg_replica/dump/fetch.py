"""A dump brought here: from http(s), from S3, or from a hosting provider."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import urllib3

from entrepot_core.base.errors import Refused, TransientFailure
from entrepot_core.base.logs import event
from entrepot_core.base.redaction import redact
from entrepot_core.storage import s3
from entrepot_core.storage.disk import Progress, check_room, local_name
from entrepot_core.storage.http import Download, whole_length
from pg_replica.dump import providers
from pg_replica.dump.providers.provider import Provider, wait_for_today
from pg_replica.settings import Settings


def bring(place: str, folder: Path, settings: Settings, progress: Progress) -> Path:
    """Bring a dump here, unless it is.

    Args:
        place: `DUMP_PATH`.
        folder: Where copies are kept.
        settings: For S3's key, and how long to wait.
        progress: Told the bytes fetched.

    Returns:
        A file or folder of this machine.

    Raises:
        Refused: If there is no such dump.
        RunFailed: If a provider has no backup of today in time.
        TransientFailure: If it could not be fetched.
    """
    if place.startswith(("http://", "https://")):
        return _from_http(place, folder, settings.network_timeout, progress)
    if place.startswith("s3://"):
        return _from_s3(place, folder, settings, progress)
    if provider := providers.of(place):
        return _from_provider(provider, folder, settings, progress)
    path = Path(place)
    if not path.exists():
        raise Refused([f"DUMP_PATH: {path} does not exist"])
    if not os.access(path, os.R_OK):
        raise Refused([f"DUMP_PATH: {path} cannot be read by this user"])
    return path


def _from_http(url: str, folder: Path, timeout: int, progress: Progress) -> Path:
    parts = urlsplit(url)
    headers = {}
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = urllib3.make_headers(basic_auth=user)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    def target(answer: urllib3.BaseHTTPResponse) -> Path:
        """Tell versions of the file apart."""
        validators = [
            answer.headers.get(name, "") for name in ("ETag", "Last-Modified")
        ]
        return local_name(
            folder, Path(parts.path).name, bare, *validators, whole_length(answer)
        )

    return Download(
        shown=redact(urlunsplit(urlsplit(bare)._replace(query=""))),
        link=lambda: bare,
        target=target,
        headers=headers,
        timeout=timeout,
    ).fetch(progress)


def _from_provider(
    provider: Provider, folder: Path, settings: Settings, progress: Progress
) -> Path:
    backup = wait_for_today(provider, settings.time_zone, settings.dump_wait)
    event(f"{provider.label}: fetching backup {backup}")
    target = local_name(folder, f"{backup.key}.backup", provider.label, backup.key)
    if target.exists():
        return target
    return Download(
        shown=f"{provider.label}, backup {backup.key}",
        link=lambda: provider.link(backup),
        target=lambda _: target,
        part=target.with_name(target.name + ".part"),
        is_link_renewed=True,
        timeout=settings.network_timeout,
    ).fetch(progress)


def _from_s3(url: str, folder: Path, settings: Settings, progress: Progress) -> Path:
    from botocore.exceptions import BotoCoreError, ClientError

    parts = urlsplit(url)
    bucket, key = parts.netloc, unquote(parts.path.lstrip("/"))
    client = s3.client(
        settings.s3_endpoint_url,
        settings.s3_access_key,
        settings.s3_secret_key,
        settings.network_timeout,
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
            target = local_name(
                folder, Path(key).name, url, found["ETag"], found["Size"]
            )
            _fetch_object(client, bucket, found, target, progress)
            return target
        inside = [found for name, found in objects.items() if name.startswith(prefix)]
        if not any(found["Key"] == prefix + "toc.dat" for found in inside):
            raise Refused(
                [f"DUMP_PATH: {url} is neither an object nor a directory archive"]
            )
        target = local_name(
            folder,
            Path(key).name,
            url,
            *(f"{found['Key']}{found['ETag']}" for found in inside),
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
    client: Any,  # boto3 makes its classes while it runs
    bucket: str,
    found: dict[str, Any],
    target: Path,
    progress: Progress,
) -> None:
    if target.exists():
        return
    part = target.with_name(target.name + ".part")
    check_room(target.parent, found["Size"])
    client.download_file(bucket, found["Key"], str(part), Callback=progress)
    part.rename(target)
