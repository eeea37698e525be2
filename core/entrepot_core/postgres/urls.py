"""PostgreSQL URLs."""

from __future__ import annotations

import psycopg
from psycopg.conninfo import conninfo_to_dict


def password_of(url: str) -> str | None:
    """Take the password out of a URL.

    Args:
        url: A PostgreSQL, http(s) or s3 URL, or a path.

    Returns:
        The decoded password; None when there is none.
    """
    if url.startswith(("http://", "https://", "s3://")):
        from urllib.parse import unquote, urlsplit

        password = urlsplit(url).password
        return unquote(password) if password else None
    try:
        return conninfo_to_dict(url).get("password")  # type: ignore[return-value]
    except psycopg.ProgrammingError:
        return None
