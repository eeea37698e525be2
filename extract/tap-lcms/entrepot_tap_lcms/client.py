"""The one request: bounded in time and size, tried again where that can help."""

from __future__ import annotations

import logging
import queue
import tempfile
import threading
from dataclasses import dataclass, field
from typing import IO
from urllib.parse import urlsplit

import requests
import urllib3
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from entrepot_core.storage.answers import innermost, retry_after
from entrepot_core.storage.redirects import STATUSES, Redirects, is_same_server
from entrepot_tap_lcms.errors import CannotFetch, TryAgain, WrongAddress

_CHUNK = 64 * 1024  # bytes
_CONNECT = 30  # seconds
_TOO_MANY = 429
_REDIRECTS = 5  # of one request
_HINTS = {
    401: "the key is refused: correct LCMS_API_KEY",
    403: "the key is refused: correct LCMS_API_KEY",
    404: "nothing is there: correct LCMS_API_URL, or the setting path",
}

logger = logging.getLogger("tap-lcms")


class _Bearer(requests.auth.AuthBase):
    """The key as a header, which no .netrc replaces and no other host is sent."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class _NoLogin(requests.auth.AuthBase):
    """No key, and none from .netrc either."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


@dataclass(frozen=True)
class Answer:
    """What the server has given.

    Attributes:
        file: The body, whole; the system forgets it when it is closed.
        content_type: What the server calls it; may be empty.
        shown: What messages call the request.
    """

    file: IO[bytes]
    content_type: str
    shown: str


@dataclass(frozen=True)
class Client:
    """The LCMS's API.

    Attributes:
        url: Of the content.
        key: The bearer's.
        name: Sent as the header `client`.
        deadline: Seconds that one try may take, from the name's resolution to the last byte.
        limit: Bytes that the body may have.
        tries: How often it is tried in all.
        pause: Seconds before the second try; twice as long before each further one.
        patience: Seconds that the server may have us wait.
        redirects: Where the server may send us.
    """

    url: str
    key: str
    name: str
    deadline: float
    limit: int
    tries: int
    pause: float
    patience: float
    redirects: Redirects = field(default_factory=Redirects)

    @property
    def shown(self) -> str:
        """The request as messages call it: no login, no query."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        return f"GET {parts.scheme}://{host}{parts.path}"

    def fetch(self) -> Answer:
        """Fetch the content.

        Returns:
            The whole answer.

        Raises:
            CannotFetch: If no try has brought it; WrongAddress where no other could.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(TryAgain),
            stop=stop_after_attempt(self.tries),
            wait=self._wait,
            before_sleep=_say,
            reraise=True,
        )
        try:
            return retrying(self._try)
        except TryAgain as error:
            raise CannotFetch(f"{error}; tried {self.tries} times") from None

    def _wait(self, state: RetryCallState) -> float:
        asked = getattr(state.outcome and state.outcome.exception(), "wait", None)
        backoff = wait_exponential_jitter(
            initial=self.pause, max=self.patience, jitter=self.pause / 10
        )(state)
        return backoff if asked is None else max(asked, 0.0)

    def _try(self) -> Answer:
        """Try once; a server that answers byte by byte cannot hold us beyond the deadline.

        No time limit of a socket covers the whole of a request, so it is made in a thread that is
        left behind: it ends with the process at the latest.

        Returns:
            The answer, with its body in a file.

        Raises:
            TryAgain: If there is no whole answer in time.
        """
        outcome: queue.SimpleQueue[Answer | Exception] = queue.SimpleQueue()
        given_up = threading.Event()
        thread = threading.Thread(
            target=self._work, args=(outcome, given_up), daemon=True
        )
        thread.start()
        try:
            found = outcome.get(timeout=self.deadline)
        except queue.Empty:
            given_up.set()
            raise TryAgain(
                f"{self.shown}: no whole answer within {self.deadline:g} seconds (setting deadline)"
            ) from None
        if isinstance(found, Exception):
            raise found
        return found

    def _work(
        self,
        outcome: queue.SimpleQueue[Answer | Exception],
        given_up: threading.Event,
    ) -> None:
        try:
            outcome.put(self._request(given_up))
        except Exception as error:
            outcome.put(error)

    def _request(self, given_up: threading.Event) -> Answer:
        try:
            with (
                requests.Session() as session,
                self._final(session) as answer,
            ):
                self._judge(answer)
                file = self._poured(answer, given_up)
                kind = answer.headers.get("Content-Type", "")
                return Answer(file, kind, self.shown)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise self._failed(error) from None

    def _final(self, session: requests.Session) -> requests.Response:
        """Ask, and follow redirects as far as they may be followed."""
        url = self.url
        for _ in range(_REDIRECTS + 1):
            is_ours = is_same_server(self.url, url)
            answer = session.get(
                url,
                auth=_Bearer(self.key) if is_ours else _NoLogin(),
                headers={"client": self.name, "Accept": "application/json"},
                stream=True,
                timeout=(min(_CONNECT, self.deadline), self.deadline),
                allow_redirects=False,
            )
            location = answer.headers.get("Location")
            if answer.status_code not in STATUSES or not location:
                return answer
            answer.close()
            url = self.redirects.follow(self.shown, url, location)
        raise WrongAddress(
            f"{self.shown} leads from one redirect to the next, more than {_REDIRECTS}: correct "
            "LCMS_API_URL"
        )

    def _failed(self, error: Exception) -> CannotFetch:
        """Say what went wrong on the way, without the text of the error, which holds the URL."""
        reason = innermost(error)
        if isinstance(error, (requests.exceptions.SSLError, ValueError)):
            # A certificate or an address: another try finds the same.
            return WrongAddress(f"{self.shown}: {reason}: correct LCMS_API_URL")
        return TryAgain(f"{self.shown}: {reason}")

    def _judge(self, answer: requests.Response) -> None:
        status = answer.status_code
        if status == requests.codes.ok:
            return
        message = f"{self.shown} answered {status}"
        if status == _TOO_MANY or status >= 500:
            wait = retry_after(answer.headers.get("Retry-After", ""))
            if wait is not None and wait > self.patience:
                raise CannotFetch(
                    f"{message} and wants us to wait for {wait:.0f} seconds, longer than the "
                    f"setting retry_limit ({self.patience:g})"
                )
            raise TryAgain(message, wait)
        if hint := _HINTS.get(status):
            raise WrongAddress(f"{message}: {hint}")
        raise CannotFetch(message)

    def _poured(
        self, answer: requests.Response, given_up: threading.Event
    ) -> IO[bytes]:
        file = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by whoever reads it
        try:
            for chunk in answer.iter_content(_CHUNK):
                if file.tell() + len(chunk) > self.limit:
                    raise CannotFetch(
                        f"{self.shown}: the answer is longer than {self.limit} bytes (setting "
                        "max_bytes): raise it if the content has grown that much"
                    )
                file.write(chunk)
                if given_up.is_set():
                    raise TryAgain(f"{self.shown}: too late")
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file


def _say(state: RetryCallState) -> None:
    assert state.outcome is not None
    assert state.next_action is not None
    logger.warning(
        "%s; again in %.1f seconds", state.outcome.exception(), state.next_action.sleep
    )
