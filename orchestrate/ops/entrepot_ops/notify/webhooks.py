"""Posting an outcome to every receiver: none waits for, or hides, another."""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as SlowError
from urllib3.util import Retry, Timeout

from entrepot_core.base.redaction import redact
from entrepot_ops.settings import Receiver

_CONNECTION = re.compile(r"^.*?HTTPS?Connection(Pool)?\(.*?\)[^:]*: ")
_RETRIES = 3
_PAUSE = 1.0  # seconds before the second attempt; doubled after each
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GOOD = range(200, 300)


@dataclass(frozen=True)
class Delivery:
    """What became of a message.

    Attributes:
        receiver: A host, or `Sentry`.
        is_delivered: Whether it was accepted.
        message: The answer's status, or why there is none.
    """

    receiver: str
    is_delivered: bool
    message: str


def post_to_all(
    receivers: list[Receiver], body: dict[str, Any], timeout: float
) -> list[Delivery]:
    """Post to every receiver at once.

    Args:
        receivers: Where to.
        body: Becomes JSON; secrets are masked.
        timeout: Seconds for each connection and answer. All attempts together take three times
            that at most, so that no receiver holds up the night.

    Returns:
        One delivery a receiver, in their order.
    """
    content = redact(json.dumps(body, default=str, ensure_ascii=False)).encode()
    deliveries: list[Delivery | None] = [None] * len(receivers)

    def deliver(place: int) -> None:
        deliveries[place] = _post(receivers[place], content, timeout)

    threads = [
        threading.Thread(target=deliver, args=(place,), daemon=True)
        for place in range(len(receivers))
    ]
    for thread in threads:
        thread.start()
    limit = _RETRIES * timeout + 2 * _RETRIES * _PAUSE
    deadline = time.monotonic() + limit
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    late = f"no answer within {limit:g} s"
    return [
        done or Delivery(receiver.place, is_delivered=False, message=late)
        for done, receiver in zip(deliveries, receivers, strict=True)
    ]


def _post(receiver: Receiver, content: bytes, timeout: float) -> Delivery:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if receiver.token:
        headers["Authorization"] = receiver.token
    try:
        with _pool(receiver.url) as pool:
            # The answer's body is of no interest, however long it is.
            answer = pool.request(
                "POST",
                receiver.url,
                body=content,
                headers=headers,
                timeout=Timeout(connect=timeout, read=timeout),
                retries=Retry(
                    total=_RETRIES - 1,
                    allowed_methods=None,
                    status_forcelist=_AGAIN,
                    backoff_factor=_PAUSE,
                    backoff_max=timeout,
                    redirect=0,
                    raise_on_redirect=False,
                    raise_on_status=False,
                    respect_retry_after_header=False,
                ),
                redirect=False,
                preload_content=False,
            )
            status = answer.status
            answer.close()
    except (HTTPError, OSError, ValueError) as error:
        reason = redact(_root_cause(error))
        return Delivery(receiver.place, is_delivered=False, message=reason)
    if status in _REDIRECTS:
        message = f"status {status}: it answers from elsewhere; give that URL in NOTIFICATIONS"
        return Delivery(receiver.place, is_delivered=False, message=message)
    return Delivery(
        receiver.place, is_delivered=status in _GOOD, message=f"status {status}"
    )


def _pool(url: str) -> urllib3.PoolManager:
    """Go through the proxy that the environment names, as other tools do."""
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    proxy = getproxies().get(scheme)
    if proxy and not proxy_bypass(host):
        return urllib3.ProxyManager(proxy)
    return urllib3.PoolManager()


def _root_cause(error: BaseException) -> str:
    """Say why, without the URL that urllib3 repeats."""
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, SlowError) and not isinstance(reason, NewConnectionError):
        return "no answer in time"
    return _CONNECTION.sub("", str(reason)) or type(reason).__name__
