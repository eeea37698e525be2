"""The rows of a window: all its pages, none twice, kept on disk until the window is whole."""

from __future__ import annotations

import hashlib
import logging
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any
from urllib.parse import urljoin

from entrepot_tap_rest import templates, values
from entrepot_tap_rest.client import Client
from entrepot_tap_rest.definitions import (
    WINDOW,
    Cursor,
    Definition,
    NumberedPages,
)
from entrepot_tap_rest.errors import BadAnswer
from entrepot_tap_rest.windows import Span

_TRIES = 3  # of a window whose pages moved while they were read
_DIGEST = 16  # bytes

logger = logging.getLogger("tap-rest")


class PagesMoved(BadAnswer):
    """The pages of a window do not fit together: rows came or went between two of them."""


@dataclass(frozen=True)
class Reader:
    """Reads the windows of a stream.

    Attributes:
        client: The API.
        definition: The stream.
        max_pages: Pages that one window may have.
    """

    client: Client
    definition: Definition
    max_pages: int

    def rows(self, span: Span) -> Iterator[dict[str, Any]]:
        """Read a window.

        Args:
            span: The window.

        Yields:
            A value by column, once all of the window has been read.

        Raises:
            CannotFetch: If the API does not give it.
            BadAnswer: If an answer is not as described.
            PagesMoved: If its pages never fit together.
        """
        for tried in range(1, _TRIES + 1):
            with TemporaryFile("w+b") as file:
                try:
                    count = self._fill(file, span)
                except PagesMoved as error:
                    if tried == _TRIES:
                        raise
                    logger.warning("%s; the window is read again", error)
                    continue
                if (
                    count == 0
                    and span.first is None
                    and not self.definition.allow_empty
                ):
                    raise BadAnswer(
                        f"{self._what(span)}: the API gives no record at all: rows are not "
                        "replaced by none, unless allow_empty is true"
                    )
                logger.info("%s: %d records", self._what(span), count)
                file.seek(0)
                for _ in range(count):
                    yield pickle.load(file)
                return

    def _fill(self, file: IO[bytes], span: Span) -> int:
        """Write the rows of a window into a file; give their number."""
        seen: set[bytes] = set()
        total: Any = None
        for number, answer in enumerate(self._answers(span), 1):
            where = f"{self._what(span)}, page {number}"
            records = self._records(answer, where)
            if self.definition.total:
                total = values.at(answer, self.definition.total)
            for place, record in enumerate(records, 1):
                row = values.row(self.definition, record, f"{where}, record {place}")
                key = repr([row[name] for name in self.definition.keys]).encode()
                digest = hashlib.blake2b(key, digest_size=_DIGEST).digest()
                if digest in seen:
                    raise PagesMoved(
                        f"{where}, record {place}: its key is there twice (keys: "
                        f"{', '.join(self.definition.keys)})"
                    )
                seen.add(digest)
                pickle.dump({**row, WINDOW: span.name}, file)
        if total is not None and total != len(seen):
            raise PagesMoved(
                f"{self._what(span)}: the API counts {total} records, and has given {len(seen)}"
            )
        return len(seen)

    def _records(self, answer: Any, where: str) -> list[Any]:
        records = values.at(answer, self.definition.records)
        if not isinstance(records, list):
            place = self.definition.records or "the answer"
            raise BadAnswer(f"{where}: {place} is no list of records")
        return records

    def _answers(self, span: Span) -> Iterator[Any]:
        pages = self.definition.pages
        if isinstance(pages, NumberedPages):
            return self._numbered(span, pages)
        if isinstance(pages, Cursor):
            return self._linked(span, pages)
        return iter([self._ask(span, {}, {}, 1)])

    def _numbered(self, span: Span, pages: NumberedPages) -> Iterator[Any]:
        for turn in range(self.max_pages):
            step = pages.size if pages.by == "offset" else 1
            page = pages.first + turn * step
            sent = {pages.parameter: page} if pages.parameter else {}
            if pages.size_parameter:
                sent[pages.size_parameter] = pages.size
            answer = self._ask(span, sent, {"page": page, "size": pages.size}, turn + 1)
            yield answer
            count = len(self._records(answer, self._what(span)))
            last = values.at(answer, pages.last) if pages.last else None
            is_last = page >= last if isinstance(last, int) else count < pages.size
            if count == 0 or is_last:
                return
        raise self._too_many(span)

    def _linked(self, span: Span, pages: Cursor) -> Iterator[Any]:
        sent: dict[str, Any] = {}
        url, met = None, set()
        for turn in range(self.max_pages):
            answer = self._ask(span, sent, {}, turn + 1, url)
            yield answer
            following = values.at(answer, pages.next)
            if following in (None, ""):
                return
            if str(following) in met:
                raise BadAnswer(
                    f"{self._what(span)}: page {turn + 1} leads back to an earlier one"
                )
            met.add(str(following))
            if pages.parameter:
                sent = {pages.parameter: following}
            else:
                url = urljoin(self._url(span, {}), str(following))
        raise self._too_many(span)

    def _ask(
        self,
        span: Span,
        sent: dict[str, Any],
        places: dict[str, Any],
        number: int,
        url: str | None = None,
    ) -> Any:
        definition = self.definition
        places = {**_days(span), **places}
        in_body = definition.method == "POST" and isinstance(definition.body, dict)
        body = templates.with_places(definition.body, places)
        if in_body:
            body = {**body, **sent}
        query = templates.with_places(definition.query, places)
        return self.client.json(
            definition.method,
            url or self._url(span, places),
            {} if url else {**query, **({} if in_body else sent)},
            body,
            f"{self._what(span)}, page {number}",
        )

    def _url(self, span: Span, places: dict[str, Any]) -> str:
        path = templates.with_places(self.definition.path, {**_days(span), **places})
        return (
            self.client.url.rstrip("/") + "/" + path.lstrip("/")
            if path
            else self.client.url
        )

    def _what(self, span: Span) -> str:
        name = self.definition.name
        return name if span.first is None else f"{name}, {span.name}"

    def _too_many(self, span: Span) -> BadAnswer:
        return BadAnswer(
            f"{self._what(span)}: more than {self.max_pages} pages (setting max_pages)"
        )


def _days(span: Span) -> dict[str, str]:
    if span.first is None or span.last is None:
        return {}
    return {"start": span.first.isoformat(), "end": span.last.isoformat()}
