"""Pages over http(s): tried again when the network or the server fails, and never for ever."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from tempfile import TemporaryFile
from typing import IO
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import urllib3

from entrepot_core.base.errors import Refused, RunFailed, TransientFailure
from entrepot_core.base.redaction import redact
from entrepot_core.storage.redirects import is_same_server, request
from entrepot_tap_dcat.options import Options
from entrepot_tap_dcat.validators import Validator

TRIES = 5
_LONGEST_PAUSE = 60.0
_BLOCK = 1024 * 1024
_ACCEPT = "application/ld+json, text/turtle;q=0.9, application/rdf+xml;q=0.8, */*;q=0.1"
_SAME = 304
_AGAIN = frozenset({408, 425, 429})


@dataclass(frozen=True)
class Answer:
    """What came.

    Attributes:
        file: The body, in a file without a name.
        media_type: Its format, as the server says.
        url: Where it came from in the end, redirects followed.
        validator: What tells this state of it from another.
    """

    file: IO[bytes]
    media_type: str | None
    url: str
    validator: Validator


_NOT_MODIFIED = Answer(BytesIO(), None, "", Validator())


def shown(url: str) -> str:
    """Write a URL as rows and messages may show it.

    Args:
        url: Which may hold a login, or a key among its parameters.

    Returns:
        The same without a login, and of its parameters those that are plain numbers.
    """
    parts = urlsplit(url)
    numbers = [(k, v) for k, v in parse_qsl(parts.query) if v.isdecimal()]
    host = parts.netloc.rpartition("@")[2]
    return redact(
        urlunsplit(parts._replace(netloc=host, query=urlencode(numbers), fragment=""))
    )


class Client:
    """Fetches pages of one catalogue.

    Args:
        start: The first page's URL; a login in it goes to its server only.
        options: How to fetch.
    """

    def __init__(
        self,
        start: str,
        options: Options,
    ) -> None:
        parts = urlsplit(start)
        self._start = start
        self._login: dict[str, str] = {}
        if parts.username is not None:
            password = unquote(parts.password or "")
            redact.hide(password)
            user = f"{unquote(parts.username)}:{password}"
            self._login = dict(urllib3.make_headers(basic_auth=user))
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(
                connect=min(30, options.timeout), read=options.timeout
            )
        )
        self._redirects = options.redirects
        self._deadline, self._limit = options.deadline, options.limit
        self._pause = options.pause

    def fetch(self, url: str) -> Answer:
        """Fetch a page.

        Args:
            url: Its URL.

        Returns:
            The whole of it.

        Raises:
            Refused: If the server refuses it.
            RunFailed: If it is too big.
            TransientFailure: If it could not be fetched in time, or after several tries.
        """
        return self._patiently(url, Validator())

    def is_unchanged(self, url: str, validator: Validator) -> bool:
        """Ask whether a page is still as it was.

        Args:
            url: Its URL.
            validator: What the server said of it then.

        Returns:
            Whether the server says so.

        Raises:
            Refused: If the server refuses it.
            RunFailed: If it is another one, and too big.
            TransientFailure: If the server could not be asked in time, or after several tries.
        """
        return self._patiently(url, validator) is _NOT_MODIFIED

    def _patiently(self, url: str, validator: Validator) -> Answer:
        """Fetch a page, if it is not as it was, with several tries."""
        until = time.monotonic() + self._deadline
        for number in range(1, TRIES + 1):
            try:
                return self._try(url, until, validator)
            except _Again as failure:
                reason, wanted = failure.reason, failure.pause
            except urllib3.exceptions.HTTPError as error:
                reason, wanted = _in_words(error), None
            pause = self._pause * 2 ** (number - 1) if wanted is None else wanted
            if number == TRIES or time.monotonic() + pause > until:
                break
            time.sleep(pause)
        raise TransientFailure(
            f"{shown(url)} could not be fetched in {number} tries: {reason}"
        )

    def _try(self, url: str, until: float, validator: Validator) -> Answer:
        parts = urlsplit(url)
        bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        login = self._login if is_same_server(self._start, url) else {}
        headers = {
            **login,
            **validator.headers,
            "Accept": _ACCEPT,
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": "entrepot-tap-dcat",
        }
        answer, final = request(
            self._pool,
            "GET",
            bare,
            what=f"DCAT_SOURCE: {shown(url)}",
            redirects=self._redirects,
            headers=headers,
            preload_content=False,
            retries=urllib3.Retry(total=None, connect=0, read=0, other=0, redirect=0),
        )
        try:
            if answer.status == _SAME and validator.headers:
                return _NOT_MODIFIED
            self._judge(url, answer)
            file = self._body(url, answer, until)
        finally:
            answer.close()
        given = answer.headers
        said = Validator(given.get("ETag"), given.get("Last-Modified"))
        return Answer(file, given.get("Content-Type"), final, said)

    def _judge(self, url: str, answer: urllib3.BaseHTTPResponse) -> None:
        status = answer.status
        if status == 200:
            return
        if status >= 500 or status in _AGAIN:
            raise _Again(f"status {status}", _retry_after(answer))
        hints = {401: ": it wants a login", 403: ": it wants another login"}
        raise Refused(
            [f"DCAT_SOURCE: {shown(url)} answered {status}{hints.get(status, '')}"]
        )

    def _body(
        self, url: str, answer: urllib3.BaseHTTPResponse, until: float
    ) -> IO[bytes]:
        with ExitStack() as stack:
            file = stack.enter_context(TemporaryFile())
            self._pour(url, answer, file, until)
            stack.pop_all()
        file.seek(0)
        return file

    def _pour(
        self, url: str, answer: urllib3.BaseHTTPResponse, file: IO[bytes], until: float
    ) -> None:
        size = 0
        # What comes is taken as it comes, so that a slow drip does not hide behind one read.
        while block := answer.read1(_BLOCK, decode_content=True):
            size += len(block)
            if size > self._limit:
                raise RunFailed(
                    f"{shown(url)} is longer than {self._limit} bytes (setting max_bytes)"
                )
            if time.monotonic() > until:
                raise TransientFailure(
                    f"{shown(url)} was not complete after {self._deadline:g} s: {size} bytes "
                    "had come"
                )
            file.write(block)


class _Again(Exception):
    """An answer that another try may well better."""

    def __init__(self, reason: str, pause: float | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.pause = pause


def _retry_after(answer: urllib3.BaseHTTPResponse) -> float | None:
    seconds = answer.headers.get("Retry-After", "")
    return min(float(seconds), _LONGEST_PAUSE) if seconds.isdecimal() else None


def _in_words(error: urllib3.exceptions.HTTPError) -> str:
    cause = (
        error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) else error
    )
    words = {
        urllib3.exceptions.ReadTimeoutError: "it was silent for too long",
        urllib3.exceptions.ConnectTimeoutError: "no connection in time",
        urllib3.exceptions.NewConnectionError: "no connection",
        urllib3.exceptions.IncompleteRead: "the answer was cut off",
        urllib3.exceptions.ProtocolError: "the connection was cut",
        urllib3.exceptions.SSLError: "the server's certificate is not trusted",
    }
    for kind, sentence in words.items():
        if isinstance(cause, kind):
            return sentence
    return type(cause).__name__
