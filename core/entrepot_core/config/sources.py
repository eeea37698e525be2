"""Variables of the sources beside the replicated database, checked where their domain is on."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from entrepot_core.base.errors import Refused
from entrepot_core.config import domains


def problems(variables: Mapping[str, str]) -> list[str]:
    """Find what is wrong with the variables of all sources that are on.

    Args:
        variables: The environment.

    Returns:
        One sentence each, without any value; none where DOMAINS itself is wrong.
    """
    try:
        on = domains.enabled(variables)
    except Refused:
        return []
    return [each for domain in sorted(on) for each in problems_of(domain, variables)]


def problems_of(domain: str, variables: Mapping[str, str | None]) -> list[str]:
    """Find what is wrong with the variables of one domain.

    Args:
        domain: The domain.
        variables: Values by name.

    Returns:
        One sentence each, without any value.
    """
    checks = _CHECKS.get(domain, {})
    found = []
    for name, check in checks.items():
        value = variables.get(name)
        if not value:
            found.append(f"{name} is missing: see .env.example")
        elif reason := check(value):
            found.append(f"{name} {reason}")
    return found


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname)
        parts.port  # noqa: B018 -- raises when it is none
    except ValueError:
        is_one = False
    return "" if is_one else "is no address: write it as https://lcms.example.org/api"


def _header(value: str) -> str:
    if value.isascii() and value.isprintable() and value == value.strip():
        return ""
    return "holds a blank at its end, a line break or another sign that no key has"


def _place(value: str) -> str:
    scheme = value.partition("://")[0] if "://" in value else "file"
    known = "a file, a folder, or an http(s):// or s3:// URL"
    if scheme in ("file", "http", "https", "s3"):
        return ""
    return f"begins with {scheme}://, which is not known: give {known}"


_CHECKS = {
    "lcms": {"LCMS_API_URL": _web_address, "LCMS_API_KEY": _header},
    "ecospheres": {"DCAT_SOURCE": _place},
}
