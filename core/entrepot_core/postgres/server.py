"""Facts about a server."""

from __future__ import annotations

import psycopg


def major(session: psycopg.Connection) -> int:
    """Give a server's major version."""
    return session.info.server_version // 10000


def role_exists(session: psycopg.Connection, role: str) -> bool:
    """Say whether a server has a role.

    Args:
        session: A session on it.
        role: The name.

    Returns:
        Whether it has.
    """
    query = "SELECT true FROM pg_catalog.pg_roles WHERE rolname = %s"
    return session.execute(query, [role]).fetchone() is not None
