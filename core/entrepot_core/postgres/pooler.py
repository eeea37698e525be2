"""Whether a pooler stands between us and a server and shares its sessions out by transaction."""

from __future__ import annotations

import psycopg

_PID = "SELECT pg_catalog.pg_backend_pid()"
_TRIES = 3


def shares_backends(connection: psycopg.Connection, url: str) -> bool:
    """Find whether two of our sessions meet one backend, or one of them two.

    A pooler in session mode keeps one backend for each of our sessions, and is harmless.

    Args:
        connection: A session in autocommit, in which nothing has been set.
        url: Of the same place, for a second session.

    Returns:
        Whether backends are shared.

    Raises:
        psycopg.Error: If no second session can be had.
    """
    with psycopg.connect(url, prepare_threshold=None) as other:
        for _ in range(_TRIES):
            mine = _pid(connection)
            # In a transaction it keeps a backend, so that the next statement needs another.
            theirs = _pid(other)
            if mine == theirs or _pid(connection) != mine:
                return True
            other.rollback()
    return False


def _pid(connection: psycopg.Connection) -> int:
    row = connection.execute(_PID).fetchone()
    assert row is not None
    return int(row[0])
