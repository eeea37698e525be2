"""One load of a table at a time: an advisory lock by table, freed with its session."""

from __future__ import annotations

import hashlib

import psycopg

from entrepot_core.postgres.identifiers import TableName
from entrepot_target_postgres.errors import AnotherLoad

_HOLDER = """
SELECT a.pid, a.usename::text, coalesce(a.client_addr::text, 'this machine'), a.backend_start
FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
AND (l.classid::bigint << 32 | l.objid::bigint) = %s
"""


def _key(table: TableName) -> int:
    digest = hashlib.sha256(f"entrepot load {table.sql}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def is_free(session: psycopg.Connection, table: TableName) -> bool:
    """Take a table's lock if nobody has it.

    Args:
        session: The session that will hold it.
        table: The table.
    """
    query = "SELECT pg_catalog.pg_try_advisory_lock(%s)"
    return session.execute(query, [_key(table)]).fetchone() == (True,)


def release(session: psycopg.Connection, table: TableName) -> None:
    """Give a table's lock back.

    Args:
        session: The session that holds it.
        table: The table.
    """
    session.execute("SELECT pg_catalog.pg_advisory_unlock(%s)", [_key(table)])


def take(session: psycopg.Connection, table: TableName) -> None:
    """Take a table's lock.

    Args:
        session: The session that will hold it.
        table: The table.

    Raises:
        AnotherLoad: If another load has it; it tells who.
    """
    if is_free(session, table):
        return
    row = session.execute(_HOLDER, [_key(table)]).fetchone()
    who = "it has just ended"
    if row:
        pid, user, address, start = row
        who = f"session {pid} of {user} from {address}, since {start:%Y-%m-%d %H:%M:%S %Z}"
    raise AnotherLoad(
        f"another load of table {table} is under way in this warehouse ({who}): wait for its end"
    )
