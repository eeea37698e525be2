"""Which values are secrets: one rule for every part."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import unquote, urlsplit

from entrepot_core.base.errors import Refused
from entrepot_core.base.redaction import redact
from entrepot_core.config import domains
from entrepot_core.config.variables import all_variables
from entrepot_core.postgres.urls import password_of

# Of variables that are somebody else's, such as those of a stock tap.
_SECRET_NAMES = ("SECRET", "TOKEN", "PASSWORD", "ACCESS_KEY", "API_KEY", "DSN")
_SECRET_TYPES = ("secret", "header")
_SHORTEST_LINE = 6  # of a secret of several lines, which tools print line by line


def hide_environment(variables: Mapping[str, str] | None = None) -> None:
    """Teach the redactor every secret that variables hold, whoever reads them.

    Those of the registry are hidden as it says, others by their name; of any URL the password.

    Args:
        variables: By name; the process's own by default.
    """
    secret = {each.name: each.secret for each in all_variables()} | _of_own_domains()
    for name, value in (os.environ if variables is None else variables).items():
        if not value:
            continue
        if secret.get(name) == "hook":
            _hide_hook(value)
        elif secret.get(name) == "receivers":
            _hide_receivers(value)
        elif _is_secret(name, secret):
            _hide(value)
        if "://" in value or secret.get(name) == "url":
            _hide(_password(value))


def _of_own_domains() -> dict[str, str]:
    """Say what is secret of the variables that folders of `local/` declare."""
    try:
        own = domains.everything().values()
    except Refused:  # said by whoever reads DOMAINS
        return {}
    return {
        name: "value" if kind in _SECRET_TYPES else "url"
        for domain in own
        if domain.folder
        for name, kind in domain.variables.items()
        if kind in (*_SECRET_TYPES, "postgres_url")
    }


def _is_secret(name: str, secret: Mapping[str, str]) -> bool:
    if name in secret:
        return secret[name] == "value"
    return any(part in name for part in _SECRET_NAMES)


def _hide_receivers(text: str) -> None:
    try:
        receivers = json.loads(text)
        for receiver in receivers:
            _hide(receiver.get("token"))
            _hide(_password(receiver["url"]))
            _hide_hook(receiver["url"])
    except (ValueError, AttributeError, TypeError, KeyError):
        return  # the settings' validation says what is wrong with it


def _hide_hook(url: str) -> None:
    """Hide what lets one post to a webhook: path and query; of other addresses all of it."""
    with suppress(ValueError):
        parts = urlsplit(url)
        _hide(parts.path.strip("/"))
        _hide(parts.query)
        if parts.scheme not in ("http", "https", "smtp", "smtps"):
            _hide(parts.netloc)


def _password(url: str) -> str | None:
    if url.startswith(("postgres://", "postgresql://")) or "://" not in url:
        return password_of(url)
    try:
        password = urlsplit(url).password
    except ValueError:
        return None
    return unquote(password) if password else None


def _hide(secret: str | None) -> None:
    redact.hide(secret)
    for line in (secret or "").splitlines():
        if len(line) >= _SHORTEST_LINE:
            redact.hide(line)
