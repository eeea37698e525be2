"""How a connection is protected on its way: encrypted, unless said otherwise or on this machine."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from typing import Any

WEAK = ("disable", "allow", "prefer")
UNVERIFIED = ("require",)
NO_ENCRYPTION = (
    "where the network is trusted, end the URL with ?sslmode=disable, or set PGSSLMODE"
)


def with_encryption(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for encryption where a URL says nothing of it and leads to another machine.

    Args:
        parts: A URL's parameters, by libpq's names.

    Returns:
        The same with an sslmode.
    """
    mode = parts.get("sslmode") or os.environ.get("PGSSLMODE")
    if not mode and not is_local(parts):
        mode = "require"
    return {**parts, "sslmode": mode} if mode else dict(parts)


def is_local(parts: Mapping[str, Any]) -> bool:
    """Say whether a URL leads to this machine alone.

    Args:
        parts: Its parameters.

    Returns:
        False where any of its hosts is elsewhere.
    """
    named = parts.get("hostaddr") or parts.get("host") or os.environ.get("PGHOST") or ""
    return all(_is_here(host) for host in str(named).split(","))


def _is_here(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
