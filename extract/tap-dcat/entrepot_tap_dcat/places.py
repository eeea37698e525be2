"""Where documents come from: a file, a folder, an S3 prefix, or a server that gives pages."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Protocol
from urllib.parse import unquote, urljoin, urlsplit
from zoneinfo import ZoneInfo

from entrepot_core.base.errors import Refused, RunFailed, TransientFailure
from entrepot_core.base.redaction import redact
from entrepot_core.storage import s3
from entrepot_tap_dcat.client import Client, shown
from entrepot_tap_dcat.documents import Document, date_in, natural
from entrepot_tap_dcat.formats import SUFFIXES
from entrepot_tap_dcat.hydra import Page

_ANY = r"(?:.*/)?[^/]+(?:{})(?:\.gz)?".format("|".join(map(re.escape, SUFFIXES)))


class Place(Protocol):
    """Gives the documents of a catalogue.

    Attributes:
        is_one_document: Whether one document was asked for by its name, and not a whole dump.
    """

    is_one_document: bool

    def documents(self) -> Iterator[Document]:
        """Give the documents in order."""

    def after(self, page: Page, document: Document) -> None:
        """Hear what the last document says of itself, before the next is asked for."""


@dataclass(frozen=True)
class Options:
    """How documents are chosen and fetched.

    Attributes:
        pattern: What names must match, from beginning to end; None for those of known suffixes.
        all_dumps: Whether all dumps are read, rather than the latest.
        timeout: Seconds after which a silent network counts as cut.
        deadline: Seconds that one page over http may take in all.
        limit: Bytes that one document may have.
        pause: Seconds before a page is asked for again.
    """

    pattern: str | None = None
    all_dumps: bool = False
    timeout: float = 120
    deadline: float = 600
    limit: int = 2 * 1024**3
    pause: float = 0.5


def place(source: str, options: Options) -> Place:
    """Find out what a source is.

    Args:
        source: `DCAT_SOURCE`.
        options: How to read it.

    Returns:
        The place.

    Raises:
        Refused: If there is no such thing.
    """
    if source.startswith(("http://", "https://")):
        return Server(source, options)
    if source.startswith("s3://"):
        return _bucket(source, options)
    if "://" in source and not source.startswith("file://"):
        scheme = source.partition("://")[0]
        known = "a file, a folder, or an http(s):// or s3:// URL"
        raise Refused([f"DCAT_SOURCE: {scheme}:// is not known; give {known}"])
    path = Path(unquote(source.removeprefix("file://")) if "://" in source else source)
    if not path.exists():
        raise Refused([f"DCAT_SOURCE: {path} does not exist"])
    if not os.access(path, os.R_OK):
        raise Refused([f"DCAT_SOURCE: {path} cannot be read by this user"])
    if path.is_file():
        return Listing(str(path), [_file(path, path.name)], options, is_one=True)
    files = [each for each in path.rglob("*") if each.is_file()]
    entries = [_file(each, each.relative_to(path).as_posix()) for each in files]
    return Listing(str(path), entries, options)


@dataclass(frozen=True)
class Entry:
    """A document that a listing names.

    Attributes:
        document: To be read; its day is that of its last change.
        is_dated: Whether its name holds a day.
    """

    document: Document
    is_dated: bool


def _entry(name: str, changed: datetime, opening: Any) -> Entry:
    found = date_in(name)
    return Entry(
        Document(name, opening, found or changed.date()), is_dated=found is not None
    )


def _file(path: Path, name: str) -> Entry:
    changed = datetime.fromtimestamp(path.stat().st_mtime, tz=_zone())
    return _entry(name, changed, partial(path.open, "rb"))


class Listing:
    """Documents that are there, each of a dump of some day."""

    def __init__(
        self,
        where: str,
        entries: list[Entry],
        options: Options,
        *,
        is_one: bool = False,
    ) -> None:
        """Choose.

        Args:
            where: What messages call the place.
            entries: All that is there.
            options: What to take of it.
            is_one: Whether one document was named.

        Raises:
            Refused: If nothing is left.
        """
        self.is_one_document = is_one
        if not is_one:
            entries = _matching(where, entries, options.pattern)
        self._documents = _of_dumps(entries, all_dumps=options.all_dumps)

    def documents(self) -> Iterator[Document]:
        """Give the documents, dump by dump, page by page."""
        yield from self._documents

    def after(self, page: Page, document: Document) -> None:
        """Do nothing: what is there is known beforehand."""


def _matching(where: str, entries: list[Entry], pattern: str | None) -> list[Entry]:
    try:
        expression = re.compile(pattern) if pattern else re.compile(_ANY, re.IGNORECASE)
    except re.error as error:
        raise Refused([f"DCAT_PATTERN is not a regular expression: {error}"]) from None
    found = [each for each in entries if expression.fullmatch(each.document.name)]
    if not found:
        wanted = (
            f"DCAT_PATTERN, {pattern}, matches whole names, relative to that place"
            if pattern
            else f"names end in {', '.join(SUFFIXES)}, perhaps with .gz"
        )
        raise Refused(
            [
                (
                    f"DCAT_SOURCE: none of the {len(entries)} files in {where} is a document of a "
                    f"catalogue ({wanted})"
                )
            ]
        )
    return found


def _of_dumps(entries: list[Entry], *, all_dumps: bool) -> list[Document]:
    """Put documents into dumps: those of one day, and all whose names hold none."""
    dumps: dict[date, list[Document]] = {}
    undated = [each.document for each in entries if not each.is_dated]
    if undated:
        newest = max(each.dump_date for each in undated)
        dumps[newest] = [
            Document(each.name, each.open, newest, each.media_type, each.base)
            for each in undated
        ]
    for each in entries:
        if each.is_dated:
            dumps.setdefault(each.document.dump_date, []).append(each.document)
    days = sorted(dumps) if all_dumps else [max(dumps)]
    return [
        document
        for day in days
        for document in sorted(dumps[day], key=lambda each: natural(each.name))
    ]


def _bucket(url: str, options: Options) -> Listing:
    from botocore.exceptions import BotoCoreError, ClientError

    parts = urlsplit(url)
    bucket, key = parts.netloc, unquote(parts.path.lstrip("/"))
    secret = os.environ.get("SECRET_KEY") or None
    redact.hide(secret)
    client = s3.client(
        os.environ.get("S3_ENDPOINT_URL") or None,
        os.environ.get("ACCESS_KEY") or None,
        secret,
        int(options.timeout),
    )
    folder = key if not key or key.endswith("/") else key + "/"
    try:
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=key
        )
        objects = [each for page in pages for each in page.get("Contents", [])]
    except (BotoCoreError, ClientError) as error:
        raise _unreachable(url, error) from None

    def entry(found: dict[str, Any], name: str) -> Entry:
        opening = partial(_object, client, bucket, found, url, options.limit)
        return _entry(name, found["LastModified"].astimezone(_zone()), opening)

    for found in objects:
        if found["Key"] == key and not key.endswith("/"):
            only = entry(found, key.rpartition("/")[2])
            return Listing(url, [only], options, is_one=True)
    inside = [
        entry(found, found["Key"].removeprefix(folder))
        for found in objects
        if found["Key"].startswith(folder) and not found["Key"].endswith("/")
    ]
    return Listing(url, inside, options)


def _object(
    client: Any, bucket: str, found: dict[str, Any], url: str, limit: int
) -> IO[bytes]:
    """Bring an object into a file without a name."""
    from botocore.exceptions import BotoCoreError, ClientError

    if found["Size"] > limit:
        raise RunFailed(
            f"s3://{bucket}/{found['Key']} is longer than {limit} bytes (setting max_bytes)"
        )
    with ExitStack() as stack:
        file = stack.enter_context(TemporaryFile())
        try:
            client.download_fileobj(bucket, found["Key"], file)
        except (BotoCoreError, ClientError) as error:
            raise _unreachable(f"s3://{bucket}/{found['Key']}", error) from None
        stack.pop_all()
    file.seek(0)
    return file


def _unreachable(what: str, error: Exception) -> TransientFailure:
    return TransientFailure(f"{what} could not be read: {redact(str(error))}")


class Server:
    """Pages of a server, each of which names the next.

    Args:
        url: The first page's.
        options: How to fetch.
    """

    is_one_document = False

    def __init__(self, url: str, options: Options) -> None:
        self._client = Client(
            url, options.timeout, options.deadline, options.limit, options.pause
        )
        self._next: str | None = url
        self._today = datetime.now(_zone()).date()
        self._seen: set[str] = set()

    def documents(self) -> Iterator[Document]:
        """Fetch page after page, until one names no next.

        Yields:
            Each page.

        Raises:
            RunFailed: If pages go round in a circle.
        """
        while url := self._next:
            self._next = None
            if url in self._seen:
                raise RunFailed(
                    f"the pages go round in a circle: {shown(url)} is named as the next page "
                    "again"
                )
            self._seen.add(url)
            answer = self._client.fetch(url)
            # Opened once only: a page is not asked for again to be read.
            yield Document(
                shown(url),
                partial(_once, answer.file),
                self._today,
                answer.media_type,
                answer.url,
            )

    def after(self, page: Page, document: Document) -> None:
        """Hear which page is next.

        Args:
            page: What the last page says.
            document: That page.

        Raises:
            RunFailed: If the next page is not on http(s).
        """
        if not page.next:
            return
        following = urljoin(document.base or "", page.next)
        if not following.startswith(("http://", "https://")):
            raise RunFailed(
                f"{document.name} names a next page that is not on http(s): {page.next[:200]}"
            )
        self._next = following


def _once(file: IO[bytes]) -> IO[bytes]:
    file.seek(0)
    return file


def _zone() -> ZoneInfo:
    return ZoneInfo(os.environ.get("CRON_TZ") or "Europe/Paris")
