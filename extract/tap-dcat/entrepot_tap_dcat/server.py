"""A server that gives the pages of a catalogue, each of which names the next."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit

from entrepot_core.base.errors import RunFailed
from entrepot_tap_dcat.client import Client, shown
from entrepot_tap_dcat.documents import Document
from entrepot_tap_dcat.hydra import Page
from entrepot_tap_dcat.options import Options, zone
from entrepot_tap_dcat.validators import Pages


class Server:
    """Pages of a server, each of which names the next."""

    is_one_document = False

    def __init__(self, url: str, options: Options, fingerprint: str = "") -> None:
        """Prepare.

        Args:
            url: The first page's.
            options: How to fetch.
            fingerprint: What else the rows depend on.
        """
        self.pages = Pages(url, fingerprint)
        self._client = Client(url, options)
        self._options = options
        self._next: str | None = url
        self._today = datetime.now(zone()).date()
        self._seen: set[str] = set()
        self._size = self._stale = self._datasets = 0

    def is_unchanged(self, state: Any) -> bool:
        """Ask whether all pages are still as they were; at the first that is not, ask no more.

        Args:
            state: What was kept of them.

        Returns:
            Whether the server says so of each; not if nothing was kept.
        """
        known = self.pages.known(state)
        return bool(known) and all(
            self._client.is_unchanged(url, validator) for url, validator in known
        )

    def documents(self) -> Iterator[Document]:
        """Fetch page after page, until one names no next.

        Raises:
            RunFailed: If pages go round in a circle, or are too many or too big together.

        Yields:
            Each page.
        """
        while url := self._next:
            self._next = None
            if (same := _normalised(url)) in self._seen:
                raise RunFailed(
                    f"the pages go round in a circle: {shown(url)} is named as the next page "
                    "again"
                )
            if len(self._seen) == self._options.pages:
                raise RunFailed(
                    f"{shown(url)} would be page {len(self._seen) + 1:,}, and the catalogue still "
                    "names a next one: pages without an end? (setting max_pages)"
                )
            self._seen.add(same)
            answer = self._client.fetch(url)
            self.pages.add(url, answer.validator)
            self._size += answer.file.seek(0, os.SEEK_END)
            if self._size > self._options.total:
                raise RunFailed(
                    f"the pages up to {shown(url)} have more than {self._options.total:,} bytes "
                    "together (setting max_total_bytes)"
                )
            # Opened once only: a page is not asked for again to be read.
            yield Document(
                shown(url),
                partial(_once, answer.file),
                self._today,
                answer.media_type,
                answer.url,
            )

    def after(self, page: Page, document: Document, datasets: int) -> None:
        """Hear which page is next.

        Args:
            page: What the last page says.
            document: That page.
            datasets: How many different ones there are in all pages up to it.

        Raises:
            Refused: If the next page is of another server, or not on http(s).
            RunFailed: If many pages in a row have brought nothing new.
        """
        self._stale = self._stale + 1 if datasets == self._datasets else 0
        self._datasets = datasets
        if not page.next:
            return
        if self._stale == self._options.stale_pages:
            raise RunFailed(
                f"{document.name}: {self._stale} pages in a row have brought no dataset that "
                "earlier ones had not, and a next one is named: pages without an end? (setting "
                "max_stale_pages)"
            )
        what = f"DCAT_SOURCE: {document.name}, its next page"
        url = document.base or ""
        self._next = self._options.redirects.follow(what, url, page.next)


def _normalised(url: str) -> str:
    """Write a URL so that two spellings of one page are the same."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.lower(), fragment=""))


def _once(file: IO[bytes]) -> IO[bytes]:
    file.seek(0)
    return file
