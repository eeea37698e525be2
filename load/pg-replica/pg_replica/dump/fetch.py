"""A dump brought here: from http(s), from S3, or from a hosting provider."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

import urllib3

from entrepot_core.base.errors import Refused
from entrepot_core.base.logs import event
from entrepot_core.storage.disk import Progress, local_name
from entrepot_core.storage.http import Download, whole_length
from entrepot_core.storage.places import WebAddress
from entrepot_core.storage.s3 import Bucket, Object, Service
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
    address = WebAddress.of(url)

    def target(answer: urllib3.BaseHTTPResponse) -> Path:
        """Tell versions of the file apart."""
        validators = [
            answer.headers.get(name, "") for name in ("ETag", "Last-Modified")
        ]
        return local_name(
            folder, address.name, address.bare, *validators, whole_length(answer)
        )

    return Download(
        shown=address.shown,
        link=lambda: address.bare,
        target=target,
        headers=address.headers,
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
    service = Service(
        settings.s3_endpoint_url,
        settings.s3_access_key,
        settings.s3_secret_key,
        settings.network_timeout,
    )
    bucket = Bucket(url, service)
    key = unquote(bucket.key)
    prefix = key.rstrip("/") + "/"
    objects = {found.key: found for found in bucket.objects(key)}
    if found := objects.get(key):
        target = local_name(folder, Path(key).name, url, found.etag, found.size)
        _fetch_object(bucket, found, target, progress)
        return target
    inside = [found for name, found in objects.items() if name.startswith(prefix)]
    if prefix + "toc.dat" not in objects:
        raise Refused(
            [f"DUMP_PATH: {url} is neither an object nor a directory archive"]
        )
    identity = (f"{found.key}{found.etag}" for found in inside)
    target = local_name(folder, Path(key).name, url, *identity)
    target.mkdir(exist_ok=True)
    for found in inside:
        _fetch_object(bucket, found, target / Path(found.key).name, progress)
    return target


def _fetch_object(
    bucket: Bucket, found: Object, target: Path, progress: Progress
) -> None:
    if not target.exists():
        bucket.fetch(found, target, progress)
