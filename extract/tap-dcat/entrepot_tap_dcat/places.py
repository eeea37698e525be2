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
from urllib.parse import unquote

from entrepot_core.base.errors import Refused
from entrepot_core.storage.s3 import Bucket, Object, Service
from entrepot_tap_dcat.documents import Document, date_in, natural
from entrepot_tap_dcat.formats import SUFFIXES
from entrepot_tap_dcat.hydra import Page
from entrepot_tap_dcat.options import Options, zone
from entrepot_tap_dcat.server import Server

_ANY = r"(?:.*/)?[^/]+(?:{})(?:\.gz)?".format("|".join(map(re.escape, SUFFIXES)))


class Place(Protocol):
    """Gives the documents of a catalogue.

    Attributes:
        is_one_document: Whether one document was asked for by its name, and not a whole dump.
    """

    is_one_document: bool

    def documents(self) -> Iterator[Document]:
        """Give the documents in order."""

    def after(self, page: Page, document: Document, datasets: int) -> None:
        """Hear what the last document says of itself, before the next is asked for."""


def place(source: str, options: Options, fingerprint: str = "") -> Place:
    """Find out what a source is.

    Args:
        source: `DCAT_SOURCE`.
        options: How to read it.
        fingerprint: What else the rows depend on.

    Returns:
        The place.

    Raises:
        Refused: If there is no such thing.
    """
    if source.startswith(("http://", "https://")):
        return Server(source, options, fingerprint)
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
    changed = datetime.fromtimestamp(path.stat().st_mtime, tz=zone())
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

    def after(self, page: Page, document: Document, datasets: int) -> None:
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
    bucket = Bucket(url, Service.from_environment(int(options.timeout)))
    key = unquote(bucket.key)
    folder = key if not key or key.endswith("/") else key + "/"
    objects = bucket.objects(key)

    def entry(found: Object, name: str) -> Entry:
        opening = partial(_object, bucket, found, options.limit)
        return _entry(name, found.changed.astimezone(zone()), opening)

    for found in objects:
        if found.key == key and not key.endswith("/"):
            only = entry(found, key.rpartition("/")[2])
            return Listing(url, [only], options, is_one=True)
    inside = [
        entry(found, found.key.removeprefix(folder))
        for found in objects
        if found.key.startswith(folder) and not found.key.endswith("/")
    ]
    return Listing(url, inside, options)


def _object(bucket: Bucket, found: Object, limit: int) -> IO[bytes]:
    """Bring an object into a file without a name."""
    with ExitStack() as stack:
        file = stack.enter_context(TemporaryFile())
        bucket.copy_to(found, file, limit)
        stack.pop_all()
    file.seek(0)
    return file
