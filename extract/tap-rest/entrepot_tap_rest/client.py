"""Requests of an API: bounded in time, size and rate, tried again where that can help."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
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
from entrepot_core.storage.redirects import STATUSES, is_same_server
from entrepot_tap_rest.errors import BadAnswer, CannotFetch, TryAgain, WrongDefinition
from entrepot_tap_rest.logins import Authorization

_CHUNK = 64 * 1024  # bytes
_CONNECT = 30.0  # seconds
_TOO_MANY = 429
_REFUSED = 401

logger = logging.getLogger("tap-rest")


@dataclass(frozen=True)
class Limits:
    """What the requests of a run may cost.

    Attributes:
        timeout: Seconds after which a silent server counts as lost.
        deadline: Seconds that one answer may take as a whole.
        size: Bytes that one answer may have.
        tries: How often a request is tried in all.
        pause: Seconds before the second try; twice as long before each further one.
        patience: Seconds that the server may have us wait.
        per_minute: Requests that may begin within a minute; 0 for any number.
    """

    timeout: float
    deadline: float
    size: int
    tries: int
    pause: float
    patience: float
    per_minute: float


@dataclass
class Client:
    """An API.

    Attributes:
        url: Its base; the login goes to no other server.
        limits: What requests may cost.
        login: As `logins.read` gives it.
    """

    url: str
    limits: Limits
    login: Any
    _session: requests.Session = field(default_factory=requests.Session)
    _next: float = 0.0

    def __post_init__(self) -> None:
        self._session.trust_env = True
        self._authorization = Authorization(self.login, self._token)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def json(
        self, method: str, url: str, query: dict[str, Any], body: Any, what: str
    ) -> Any:
        """Ask, and read the answer.

        Args:
            method: GET or POST.
            url: Whole.
            query: Further parameters of the URL.
            body: What a POST sends as JSON; None for nothing.
            what: What messages call the request.

        Returns:
            The answer's JSON; numbers with decimals are exact.

        Raises:
            CannotFetch: If no try has brought it.
            BadAnswer: If it is no JSON.
            WrongDefinition: If the API says that the request is wrong.
        """
        if not is_same_server(self.url, url):
            raise CannotFetch(
                f"{what}: the answer sends us to another server ({urlsplit(url).hostname}): the "
                "login goes to api_url alone"
            )
        retrying = Retrying(
            retry=retry_if_exception_type(TryAgain),
            stop=stop_after_attempt(self.limits.tries),
            wait=self._wait,
            before_sleep=_say,
            reraise=True,
        )
        try:
            return retrying(self._try, method, url, query, body, what)
        except TryAgain as error:
            raise CannotFetch(f"{error}; tried {self.limits.tries} times") from None

    def _wait(self, state: RetryCallState) -> float:
        asked = getattr(state.outcome and state.outcome.exception(), "wait", None)
        backoff = wait_exponential_jitter(
            initial=self.limits.pause,
            max=self.limits.patience,
            jitter=self.limits.pause / 10,
        )(state)
        return backoff if asked is None else max(asked, 0.0)

    def _try(
        self, method: str, url: str, query: dict[str, Any], body: Any, what: str
    ) -> Any:
        request = requests.Request(
            method, url, params=query, headers={"Accept": "application/json"}
        )
        if body is not None:
            request.json = body
        self._authorization.add(request)
        status, text = self._answer(request, what)
        if status == _REFUSED and self._authorization.has_ended():
            raise TryAgain(f"{what}: the token has ended", 0.0)
        if status != requests.codes.ok:
            raise self._refusal(status, what)
        return _parsed(text, what)

    def _token(self, url: str, form: dict[str, str]) -> Any:
        """Ask for a token, of whatever server the setting names."""
        what = "auth: token_url"
        request = requests.Request("POST", url, data=form)
        status, text = self._answer(request, what)
        if status != requests.codes.ok:
            raise self._refusal(status, what)
        return _parsed(text, what)

    def _answer(self, request: requests.Request, what: str) -> tuple[int, bytes]:
        self._keep_the_rate()
        ends = time.monotonic() + self.limits.deadline
        try:
            with self._session.send(
                self._session.prepare_request(request),
                stream=True,
                timeout=(min(_CONNECT, self.limits.timeout), self.limits.timeout),
                allow_redirects=False,
            ) as answer:
                self._judge(answer, what)
                return answer.status_code, self._read(answer, ends, what)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            reason = innermost(error)
            if isinstance(error, (requests.exceptions.SSLError, ValueError)):
                raise WrongDefinition(
                    [f"{what}: {reason}: correct the address"]
                ) from None
            raise TryAgain(f"{what}: {reason}") from None

    def _keep_the_rate(self) -> None:
        if not self.limits.per_minute:
            return
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + 60 / self.limits.per_minute

    def _judge(self, answer: requests.Response, what: str) -> None:
        """Raise what another try, or nobody, can mend; other statuses are the caller's."""
        status = answer.status_code
        if status in STATUSES:
            to = urlsplit(answer.headers.get("Location", "")).hostname or "elsewhere"
            problem = (
                f"{what} answered with a redirect ({status}, to {to}): give the address where the "
                "API is"
            )
            raise WrongDefinition([problem])
        if status != _TOO_MANY and status < 500:
            return
        message = f"{what} answered {status}"
        wait = retry_after(answer.headers.get("Retry-After", ""))
        if wait is not None and wait > self.limits.patience:
            raise CannotFetch(
                f"{message} and wants us to wait for {wait:.0f} seconds, longer than the setting "
                f"retry_limit ({self.limits.patience:g})"
            )
        raise TryAgain(message, wait)

    def _read(self, answer: requests.Response, ends: float, what: str) -> bytes:
        text = bytearray()
        for chunk in answer.iter_content(_CHUNK):
            text += chunk
            if len(text) > self.limits.size:
                raise CannotFetch(
                    f"{what}: the answer is longer than {self.limits.size} bytes (setting "
                    "max_bytes): ask for smaller pages"
                )
            if time.monotonic() > ends:
                raise TryAgain(
                    f"{what}: no whole answer within {self.limits.deadline:g} seconds (setting "
                    "deadline)"
                )
        return bytes(text)

    def _refusal(self, status: int, what: str) -> Exception:
        message = f"{what} answered {status}"
        hints = {
            400: "the API takes no such request: correct query or body",
            401: "the login is refused: correct auth",
            403: "the login may not do this: correct auth",
            404: "nothing is there: correct api_url or path",
        }
        if hint := hints.get(status):
            return WrongDefinition([f"{message}: {hint}"])
        return CannotFetch(message)


def _parsed(text: bytes, what: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise BadAnswer(f"{what}: the answer is no JSON") from None


def _say(state: RetryCallState) -> None:
    assert state.outcome is not None
    assert state.next_action is not None
    logger.warning(
        "%s; again in %.1f seconds", state.outcome.exception(), state.next_action.sleep
    )
