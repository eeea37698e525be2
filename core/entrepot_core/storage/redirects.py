"""Redirects of HTTP servers: followed on the same server, elsewhere only where a setting allows it.

Whoever runs a server that we read can answer with `Location: http://169.254.169.254/…`: we would
fetch from inside our network what they cannot reach, and the answer would become rows.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import urllib3

from entrepot_core.base.errors import Refused

SETTING = "allow_redirects_to"
STATUSES = frozenset({301, 302, 303, 307, 308})
_MOST = 5  # redirects of one request
_PORTS = {"http": 80, "https": 443}

_logger = logging.getLogger("entrepot.redirects")


@dataclass(frozen=True)
class Redirects:
    """Where servers may send us.

    Attributes:
        allowed: Hosts beside the server's own, as `host` or `host:port`.
    """

    allowed: frozenset[str] = frozenset()

    def follow(self, what: str, url: str, location: str) -> str:
        """Say where a redirect, or a link to a next page, leads.

        Args:
            what: What messages call the request; nothing secret.
            url: What was asked for.
            location: What the server answered; may be relative.

        Returns:
            The URL to ask for instead.

        Raises:
            Refused: If it is another server that no setting allows, is not on http(s), or leaves
                https.
        """
        try:
            target = urljoin(url, location)
            here, there = urlsplit(url), urlsplit(target)
            _ = there.port
        except ValueError:
            raise Refused([f"{what} leads to what is no URL"]) from None
        if there.scheme not in _PORTS or not there.hostname:
            scheme = there.scheme or "nothing"
            raise Refused(
                [f"{what} leads to {scheme}://: only http:// and https:// are followed"]
            )
        if _is_same_server(here, there):
            return target
        address = _private_address(there.hostname)
        place = _place(there) + (f", a private address ({address})" if address else "")
        if not {there.hostname, _place(there)} & self.allowed:
            problem = (
                f"{what} leads to another server, {place}: if that is meant, add "
                f"{there.hostname!r} to the setting {SETTING}"
            )
            raise Refused([problem])
        if here.scheme == "https" and there.scheme == "http":
            raise Refused([f"{what} leads from https:// to http://{place}"])
        if address:
            _logger.warning("%s leads to %s", what, place)
        return target


def is_same_server(url: str, other: str) -> bool:
    """Say whether two URLs are of one server, to which one login may be sent.

    Args:
        url: One.
        other: The other; http on its usual port may become https on its own.

    Returns:
        Whether they are.
    """
    return _is_same_server(urlsplit(url), urlsplit(other))


def request(
    pool: urllib3.PoolManager,
    method: str,
    url: str,
    *,
    what: str,
    redirects: Redirects,
    headers: dict[str, str],
    **options: Any,
) -> tuple[urllib3.BaseHTTPResponse, str]:
    """Send a request, and follow redirects as far as they may be followed.

    Args:
        pool: urllib3's.
        method: Such as GET.
        url: Without a login.
        what: What messages call the request.
        redirects: Where servers may send us.
        headers: Of the request; `authorization` is sent to the first server only.
        **options: Of urllib3.

    Returns:
        The answer, and the URL that gave it.

    Raises:
        Refused: If a redirect leads where none may, or one follows another without end.
    """
    for _ in range(_MOST + 1):
        answer = pool.request(method, url, headers=headers, redirect=False, **options)
        location = answer.headers.get("Location")
        if answer.status not in STATUSES or not location:
            return answer, url
        answer.close()
        target = redirects.follow(what, url, location)
        if not is_same_server(url, target):
            headers = {k: v for k, v in headers.items() if k.lower() != "authorization"}
        url = target
    raise Refused([f"{what} leads from one redirect to the next, more than {_MOST}"])


def _is_same_server(here: Any, there: Any) -> bool:
    if here.hostname != there.hostname:
        return False
    ports = [each.port or _PORTS.get(each.scheme) for each in (here, there)]
    if here.scheme == there.scheme:
        return ports[0] == ports[1]
    return (here.scheme, there.scheme) == ("http", "https") and ports == [80, 443]


def _place(parts: Any) -> str:
    return f"{parts.hostname}:{parts.port or _PORTS[parts.scheme]}"


def _private_address(host: str) -> str:
    """Give an address of a host that is not public; nothing when all are, or none is known."""
    with suppress(OSError, ValueError):
        for *_, address in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM):
            found = str(address[0]).partition("%")[0]
            if not ipaddress.ip_address(found).is_global:
                return found
    return ""
