"""Files to read, wherever they are: folders of this machine, http(s) URLs, S3 buckets.

Whoever reads files gives a place and gets what is there; each file is brought here when it is
asked for. Another kind of server is one more reader: here, or of the product that reads it.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from entrepot_core.base.errors import RunFailed
from entrepot_core.base.redaction import redact
from entrepot_core.storage.disk import check_room, local_name
from entrepot_core.storage.redirects import Redirects, request

if TYPE_CHECKING:
    import urllib3

    from entrepot_core.storage.s3 import Bucket, Object

LONGEST_FILE = 100 * 1024**3  # bytes
_MAGIC = re.compile(r"[*?\[]")
_PAGES = ("text/html", "application/xhtml+xml")
_BLOCK = 1024 * 1024  # bytes
_TRIES = 3  # of an object that changes while it is fetched

Mark = dict[str, Any]


@dataclass
class Found:
    """A file that is there.

    Attributes:
        name: What rows call it: its path below the part of the place that is no pattern.
        mark: What tells one version of it from another; empty when nobody says.
        fetch: Gives its path on this machine; a version without a mark gets one.
    """

    name: str
    mark: Mark
    fetch: Callable[[], Path]


Reader = Callable[[str], Iterator[Found]]


@dataclass(frozen=True)
class Places:
    """Finds files.

    Attributes:
        folder: Gives the folder to which files are brought that are not on this machine.
        timeout: Seconds after which a silent network counts as cut.
        limit: Bytes that one file may have.
        redirects: Where servers may send us.
        root: What relative paths are relative to.
    """

    folder: Callable[[], Path]
    timeout: int
    limit: int = LONGEST_FILE
    redirects: Redirects = field(default_factory=Redirects)
    root: Path = field(default_factory=Path)

    def find(self, place: str) -> list[Found]:
        """Find all files of a place.

        Args:
            place: A file, folder, pattern, http(s) or s3 URL.

        Returns:
            At least one, in the order of their names.

        Raises:
            RunFailed: If there is none.
        """
        scheme = place.partition("://")[0] if "://" in place else "file"
        readers = self.readers()
        found = list(readers.get(scheme, readers["file"])(place))
        if not found:
            raise RunFailed(f"{redact(place)}: there is no such file")
        return sorted(found, key=lambda each: each.name)

    def readers(self) -> dict[str, Reader]:
        """Give what finds the files of a place, by the URL's scheme."""
        return {
            "file": partial(_of_folder, self),
            "http": partial(_of_http, self),
            "https": partial(_of_http, self),
            "s3": partial(_of_s3, self),
        }


@dataclass(frozen=True)
class WebAddress:
    """An http(s) URL, taken apart.

    Attributes:
        bare: The URL without its login.
        headers: The login, as a request's headers.
        shown: The URL as messages may show it: without login, query and fragment.
        name: The file's name.
    """

    bare: str
    headers: dict[str, str]
    shown: str
    name: str

    @classmethod
    def of(cls, url: str) -> WebAddress:
        """Take a URL apart; the redactor knows its password then.

        Args:
            url: As written, perhaps with `user:password@`.

        Returns:
            Its parts.
        """
        import urllib3

        parts = urlsplit(url)
        headers: dict[str, str] = {}
        if parts.username is not None:
            password = unquote(parts.password or "")
            redact.hide(password)
            user = f"{unquote(parts.username)}:{password}"
            headers = dict(urllib3.make_headers(basic_auth=user))
        bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        shown = redact(urlunsplit(urlsplit(bare)._replace(query="", fragment="")))
        name = unquote(parts.path.rstrip("/").rpartition("/")[2])
        return cls(bare, headers, shown, name or str(parts.hostname))


def _of_http(places: Places, url: str) -> Iterator[Found]:
    from entrepot_core.storage.http import Download

    address = WebAddress.of(url)

    def target(answer: urllib3.BaseHTTPResponse) -> Path:
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind.lower() in _PAGES:
            raise RunFailed(
                f"{address.shown} answered with a page ({kind}), not with a file"
            )
        found.mark = _mark_of(answer)
        return local_name(
            places.folder(), address.name, address.bare, *found.mark.values()
        )

    def fetch() -> Path:
        path = Download(
            shown=address.shown,
            link=lambda: address.bare,
            target=target,
            headers=address.headers,
            timeout=places.timeout,
            setting="files",
            redirects=places.redirects,
            limit=places.limit,
        ).fetch(_ignore)
        if not found.mark:
            found.mark = {"sha256": _digest(path)}
        return path

    found = Found(address.name, _look(places, address), fetch)
    yield found


def _look(places: Places, address: WebAddress) -> Mark:
    """Ask for a file's mark alone; whatever else happens is met again when it is fetched."""
    import urllib3

    pool = urllib3.PoolManager(timeout=places.timeout, retries=False)
    try:
        answer, _ = request(
            pool,
            "HEAD",
            address.bare,
            what=f"files: {address.shown}",
            redirects=places.redirects,
            headers=address.headers,
        )
    except urllib3.exceptions.HTTPError:
        return {}
    return _mark_of(answer) if answer.status == 200 else {}


def _of_s3(places: Places, url: str) -> Iterator[Found]:
    from entrepot_core.storage.s3 import Bucket, Service

    bucket = Bucket(url, Service.from_environment(places.timeout))
    base, matches = wanted(bucket.key)
    for each in bucket.objects(base):
        if each.key.endswith("/") or not matches(each.key):
            continue
        if each.size > places.limit:
            raise RunFailed(
                f"{bucket.url(each.key)} has more than {places.limit:,} bytes (setting max_bytes)"
            )
        name = each.key[len(base) :].lstrip("/") or each.key.rpartition("/")[2]
        yield _of_object(places, bucket, each, name)


def _of_object(places: Places, bucket: Bucket, listed: Object, name: str) -> Found:
    def fetch() -> Path:
        expected = listed
        for _ in range(_TRIES):
            mark = _mark_of_object(expected)
            target = local_name(
                places.folder(),
                Path(name).name,
                bucket.name,
                expected.key,
                *mark.values(),
            )
            check_room(places.folder(), expected.size)
            bucket.fetch(expected, target)
            now = bucket.head(expected.key)
            if _mark_of_object(now) == mark:
                found.mark = mark
                return target
            expected = now
        raise RunFailed(
            f"{bucket.url(listed.key)} changes while it is fetched: run again when it is complete"
        )

    found = Found(name, _mark_of_object(listed), fetch)
    return found


def _of_folder(places: Places, place: str) -> Iterator[Found]:
    place = str(places.root / unquote(place.removeprefix("file://")))
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


def wanted(pattern: str) -> tuple[str, Callable[[str], bool]]:
    """Tell which of a server's files a pattern means.

    Args:
        pattern: A file, a folder, or names with `*`, `?`, `[…]` and `**` between slashes.

    Returns:
        The prefix of their keys, and the function that knows them.
    """
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


def _mark_of_object(found: Object) -> Mark:
    return {"etag": found.etag, "size": found.size}


def _mark_of(answer: Any) -> Mark:
    """Tell one version of a file behind a URL from another, if the server does."""
    from entrepot_core.storage.http import whole_length

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
