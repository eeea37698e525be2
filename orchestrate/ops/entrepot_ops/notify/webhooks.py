"""One POST of JSON to a web address: a few attempts, and the receiver's own answer."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as SlowError
from urllib3.util import Retry, Timeout

from entrepot_core.base.redaction import redact
from entrepot_core.base.text import visible

ATTEMPTS = 3
PAUSE = 1.0  # seconds before the second attempt; doubled after each
_CONNECTION = re.compile(r"^.*?HTTPS?Connection(Pool)?\(.*?\)[^:]*: ")
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GOOD = range(200, 300)
_READ, _SHOWN = 2000, 200  # bytes of an answer that are read, characters that are shown
# Microsoft's older connectors answer 200 to what they refuse.
_REFUSED = "Webhook message delivery failed"


def post(
    url: str, content: bytes, headers: dict[str, str], timeout: float
) -> tuple[bool, str]:
    """Post to one address.

    Args:
        url: Where to.
        content: What.
        headers: With what.
        timeout: Seconds for each connection and answer.

    Returns:
        Whether it was accepted, and the answer: its status, and its own words when it refused.
    """
    try:
        with _pool(url) as pool:
            answer = pool.request(
                "POST",
                url,
                body=content,
                headers=headers,
                timeout=Timeout(connect=timeout, read=timeout),
                retries=Retry(
                    total=ATTEMPTS - 1,
                    allowed_methods=None,
                    status_forcelist=_AGAIN,
                    backoff_factor=PAUSE,
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
            said = _words(answer)
            answer.close()
    except (HTTPError, OSError, ValueError) as error:
        return False, redact(_root_cause(error))
    if status in _REDIRECTS:
        return False, f"status {status}: it answers from elsewhere; give that URL"
    is_good = status in _GOOD and _REFUSED not in said
    return (
        is_good,
        f"status {status}" if is_good or not said else f"status {status}: {said}",
    )


def _words(answer: Any) -> str:
    """Read the beginning of an answer, however long it is, in one line."""
    said = b""
    with suppress(HTTPError, OSError, ValueError):
        said = answer.read(_READ, decode_content=True)
    text = " ".join(said.decode("utf-8", errors="replace").split())
    if text.startswith("<"):  # a page for people says nothing in its first lines
        return ""
    return visible(redact(text))[:_SHOWN]


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
