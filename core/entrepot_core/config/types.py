"""Types of variables that more than one part reads: each checks a text and says what is wrong.

A message begins after the variable's name, and never repeats a value that may hold a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_SCHEMES = ("file", "http", "https", "s3")


def postgres_url(value: str) -> None:
    """Make sure of a PostgreSQL URL or connection string.

    Args:
        value: As libpq takes it.

    Raises:
        ValueError: If it is none, or names no database; its text is not repeated.
    """
    # The parts that read no database need no driver.
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        parts = conninfo_to_dict(value)
    except ProgrammingError as error:
        # libpq repeats what it could not parse, which can be the password
        reason = (
            "a percent sign that is not %25"
            if "percent" in str(error)
            else "its syntax"
        )
        raise ValueError(
            f"is not a PostgreSQL URL ({reason}); write it as "
            "postgresql://user:password@host:5432/database, with @ : / % ' in the password "
            "percent-encoded"
        ) from None
    if not parts.get("dbname"):
        raise ValueError("names no database; end it with /database")


def time_zone(name: str) -> ZoneInfo:
    """Find a time zone.

    Args:
        name: Such as `Europe/Paris`.

    Returns:
        The zone.

    Raises:
        ValueError: If this machine knows none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"names no time zone of this machine: {name!r}; write it as Europe/Paris, and "
            "have the system's package tzdata"
        ) from None


def seconds_of(duration: str) -> float:
    """Read a duration.

    Args:
        duration: Such as `6h`, `90m`, `6h30m` or `45s`.

    Returns:
        Seconds.

    Raises:
        ValueError: If it is none.
    """
    match = _DURATION.fullmatch(duration.strip())
    hours, minutes, seconds = (
        (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    )
    total = 3600 * hours + 60 * minutes + seconds
    if not total:
        raise ValueError(
            f"is not a duration: {duration!r}; write it as 6h, 90m or 6h30m"
        )
    return float(total)


def web_address(value: str) -> None:
    """Make sure of an http(s) URL.

    Args:
        value: The URL.

    Raises:
        ValueError: If it is none; its text is not repeated.
    """
    try:
        parts = urlsplit(value)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname)
        parts.port  # noqa: B018 -- raises when it is none
    except ValueError:
        is_one = False
    if not is_one:
        raise ValueError("is no address: write it as https://lcms.example.org/api")


def header(value: str) -> None:
    """Make sure of a key that is sent in an HTTP header.

    Args:
        value: The key.

    Raises:
        ValueError: If no header can hold it; its text is not repeated.
    """
    if not (value.isascii() and value.isprintable() and value == value.strip()):
        raise ValueError(
            "holds a blank at its end, a line break or another sign that no key has"
        )


def place(value: str) -> None:
    """Make sure of a place that files are read from.

    Args:
        value: A path or a URL.

    Raises:
        ValueError: If its scheme is not known.
    """
    scheme = value.partition("://")[0] if "://" in value else "file"
    if scheme not in _SCHEMES:
        raise ValueError(
            f"begins with {scheme}://, which is not known: give a file, a folder, or an "
            "http(s):// or s3:// URL"
        )


def text(value: str) -> None:
    """Take any text: the part that reads the variable says what is wrong with it.

    Args:
        value: The text.
    """


def secret(value: str) -> None:
    """Take any text, and hide all of it wherever it would appear.

    Args:
        value: The text.
    """


# By the names that domains.yml gives them.
CHECKS: dict[str, Callable[[str], object]] = {
    "postgres_url": postgres_url,
    "time_zone": time_zone,
    "duration": seconds_of,
    "web_address": web_address,
    "header": header,
    "place": place,
    "text": text,
    "secret": secret,
}
