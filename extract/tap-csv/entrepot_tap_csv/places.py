"""Where files are: in folders of this machine, behind a URL, in S3."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from entrepot_core.base.redaction import redact
from entrepot_core.config.project import project_root
from entrepot_core.storage import s3
from entrepot_core.storage.disk import check_room, local_name
from entrepot_core.storage.http import Download, whole_length
from entrepot_core.storage.redirects import Redirects, request
from entrepot_tap_csv.errors import CannotRead
from entrepot_tap_csv.sftp import Remote, Server

_VARIABLE = re.compile(r"\{([A-Z][A-Z0-9_]*)\}")
_MAGIC = re.compile(r"[*?\[]")
_PAGES = ("text/html", "application/xhtml+xml")
_BLOCK = 1024 * 1024  # bytes
LONGEST_FILE = 100 * 1024**3  # bytes
_TRIES = 3  # of an object that changes while it is fetched

Mark = dict[str, Any]


@dataclass
class Found:
    """A file that is there.

    Attributes:
        name: What rows call it: its path below the part of `path` that is no pattern.
        mark: What tells one version of it from another; empty when nobody says.
        fetch: Gives its path on this machine; a version without a mark gets one.
    """

    name: str
    mark: Mark
    fetch: Callable[[], Path]


@dataclass(frozen=True)
class Places:
    """Finds files.

    Attributes:
        folder: Gives the folder to which files are brought that are not on this machine.
        timeout: Seconds after which a silent network counts as cut.
        limit: Bytes that one file may have.
        redirects: Where servers may send us.
        known_hosts: A file of SFTP servers' keys; empty for our user's own.
    """

    folder: Callable[[], Path]
    timeout: int
    limit: int = LONGEST_FILE
    redirects: Redirects = field(default_factory=Redirects)
    known_hosts: str = ""

    def find(self, path: str) -> list[Found]:
        """Find all files of a path.

        Args:
            path: A file, folder, pattern, http(s), s3 or sftp URL; `{VARIABLE}` is replaced by it.

        Returns:
            At least one, in the order of their names.

        Raises:
            CannotRead: If there is none, or a variable is missing.
        """
        place = _with_variables(path)
        if place.startswith(("http://", "https://")):
            found = [self._of_http(place)]
        elif place.startswith("s3://"):
            found = list(self._of_s3(place))
        elif place.startswith("sftp://"):
            found = list(self._of_sftp(place))
        else:
            found = list(_of_folder(place))
        if not found:
            raise CannotRead(f"{redact(place)}: there is no such file")
        return sorted(found, key=lambda each: each.name)

    def _of_http(self, url: str) -> Found:
        import urllib3

        parts = urlsplit(url)
        headers = {}
        if parts.username is not None:
            redact.hide(unquote(parts.password or ""))
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers = urllib3.make_headers(basic_auth=user)
        bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        name = unquote(parts.path.rstrip("/").rpartition("/")[2]) or str(parts.hostname)
        shown = urlunsplit(urlsplit(bare)._replace(query="", fragment=""))

        def target(answer: urllib3.BaseHTTPResponse) -> Path:
            kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
            if kind.lower() in _PAGES:
                raise CannotRead(
                    f"{shown} answered with a page ({kind}), not with a file"
                )
            found.mark = _mark_of(answer)
            return local_name(self.folder(), name, bare, *found.mark.values())

        def fetch() -> Path:
            path = Download(
                shown=shown,
                link=lambda: bare,
                target=target,
                headers=headers,
                timeout=self.timeout,
                setting="files",
                redirects=self.redirects,
                limit=self.limit,
            ).fetch(_ignore)
            if not found.mark:
                found.mark = {"sha256": _digest(path)}
            return path

        found = Found(name, self._look(bare, shown, headers), fetch)
        return found

    def _look(self, url: str, shown: str, headers: dict[str, str]) -> Mark:
        """Ask for a file's mark alone; whatever else happens is met again when it is fetched."""
        import urllib3

        pool = urllib3.PoolManager(timeout=self.timeout, retries=False)
        try:
            answer, _ = request(
                pool,
                "HEAD",
                url,
                what=f"files: {shown}",
                redirects=self.redirects,
                headers=headers,
            )
        except urllib3.exceptions.HTTPError:
            return {}
        return _mark_of(answer) if answer.status == 200 else {}

    def _of_sftp(self, url: str) -> Iterator[Found]:
        server = Server(url, self.known_hosts, self.timeout)
        base, matches = _wanted(server.path)
        for remote in server.files(base):
            name = remote.path[len(base) :].lstrip("/") or Path(remote.path).name
            is_hidden = Path(name).name.startswith(".") and remote.path != server.path
            if not matches(remote.path) or is_hidden:
                continue
            if remote.size > self.limit:
                raise CannotRead(
                    f"{server.shown(remote.path)} has more than {self.limit:,} bytes (setting "
                    "max_bytes)"
                )
            mark = {"size": remote.size, "modified": remote.modified}
            yield Found(name, mark, partial(self._fetch_sftp, server, remote))

    def _fetch_sftp(self, server: Server, remote: Remote) -> Path:
        identity = (server.shown(remote.path), remote.size, remote.modified)
        target = local_name(self.folder(), Path(remote.path).name, *identity)
        return server.fetch(remote, target, self.limit)

    def _of_s3(self, url: str) -> Iterator[Found]:
        from botocore.exceptions import BotoCoreError, ClientError

        parts = urlsplit(url)
        bucket, pattern = parts.netloc, url.partition(parts.netloc)[2].lstrip("/")
        redact.hide(os.environ.get("SECRET_KEY"))
        base, matches = _wanted(pattern)
        client = s3.client(
            os.environ.get("S3_ENDPOINT_URL") or None,
            os.environ.get("ACCESS_KEY") or None,
            os.environ.get("SECRET_KEY") or None,
            self.timeout,
        )
        try:
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix=base
            )
            objects = [each for page in pages for each in page.get("Contents", [])]
        except (BotoCoreError, ClientError) as error:
            raise CannotRead(f"{url}: {redact(str(error))}") from None
        for each in objects:
            if each["Size"] > self.limit and matches(each["Key"]):
                raise CannotRead(
                    f"s3://{bucket}/{each['Key']} has more than {self.limit:,} bytes (setting "
                    "max_bytes)"
                )
            key = each["Key"]
            if matches(key) and not key.endswith("/"):
                name = key[len(base) :].lstrip("/") or key.rpartition("/")[2]
                yield self._of_object(client, bucket, key, name, each)

    def _of_object(
        self, client: Any, bucket: str, key: str, name: str, listed: dict[str, Any]
    ) -> Found:
        from botocore.exceptions import BotoCoreError, ClientError

        def fetch() -> Path:
            try:
                for _ in range(_TRIES):
                    target = local_name(
                        self.folder(),
                        Path(name).name,
                        bucket,
                        key,
                        *found.mark.values(),
                    )
                    check_room(self.folder(), found.mark["size"])
                    client.download_file(bucket, key, str(target))
                    now = client.head_object(Bucket=bucket, Key=key)
                    mark = {"etag": now["ETag"], "size": now["ContentLength"]}
                    if mark == found.mark:
                        return target
                    found.mark = mark
            except (BotoCoreError, ClientError) as error:
                raise CannotRead(
                    f"s3://{bucket}/{key} could not be fetched: {redact(str(error))}"
                ) from None
            raise CannotRead(
                f"s3://{bucket}/{key} changes while it is fetched: run again when it is complete"
            )

        found = Found(name, {"etag": listed["ETag"], "size": listed["Size"]}, fetch)
        return found


def _with_variables(path: str) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        if not (text := os.environ.get(name, "")):
            raise CannotRead(f"{name} is missing: see .env.example")
        return text.rstrip("/") if match.end() < len(path) else text

    return _VARIABLE.sub(value, path)


def _of_folder(place: str) -> Iterator[Found]:
    place = str(project_root() / unquote(place.removeprefix("file://")))
    paths: Iterable[Path]
    if Path(place).is_dir():
        base, paths = place, Path(place).rglob("*")
    elif Path(place).exists() or not _MAGIC.search(place):
        base, paths = str(Path(place).parent), [Path(place)]
    else:
        base = _fixed(place)
        paths = Path(base or "/").glob(place.removeprefix(base).lstrip("/"))
    for path in paths:
        is_hidden = path.name.startswith(".") and str(path) != place
        if path.is_file() and not is_hidden:
            name = str(path.relative_to(base or "/"))
            yield Found(name, mark_of_file(path.stat()), partial(Path, path))


def _fixed(pattern: str) -> str:
    """Give the folders of a pattern before its first sign."""
    start = _MAGIC.search(pattern)
    return pattern if start is None else pattern[: start.start()].rpartition("/")[0]


def _wanted(pattern: str) -> tuple[str, Callable[[str], bool]]:
    """Give the prefix of a pattern's keys, and the function that knows them."""
    if not _MAGIC.search(pattern):
        folder = pattern.rstrip("/") + "/" if pattern else ""
        return pattern.rstrip("/"), lambda key: key == pattern or key.startswith(folder)
    parts = pattern.split("/")
    return _fixed(pattern), lambda key: _matches(key.split("/"), parts)


def _matches(names: list[str], patterns: list[str]) -> bool:
    if not patterns or not names:
        return not patterns and not names
    if patterns[0] == "**":
        return _matches(names, patterns[1:]) or _matches(names[1:], patterns)
    return fnmatch.fnmatchcase(names[0], patterns[0]) and _matches(
        names[1:], patterns[1:]
    )


def mark_of_file(status: os.stat_result) -> Mark:
    """Tell one version of a file of this machine from another.

    Args:
        status: The file's.

    Returns:
        What changes when the file is written again.
    """
    return {"size": status.st_size, "modified": status.st_mtime_ns}


def _mark_of(answer: Any) -> Mark:
    """Tell one version of a file behind a URL from another, if the server does."""
    headers = {"etag": "ETag", "modified": "Last-Modified"}
    mark = {name: answer.headers.get(header) for name, header in headers.items()}
    said = {name: value for name, value in mark.items() if value}
    return {**said, "size": whole_length(answer)} if said else {}


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _ignore(_: int) -> None:
    return None
