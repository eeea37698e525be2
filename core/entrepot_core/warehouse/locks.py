"""Locks of the warehouse that only its owner can hold, freed with their session.

Any role that can connect may take any advisory lock, so a lock on a known number is anybody's.
Here an advisory lock only shows that its session lives: its second half is random, and it counts
when the session's role may act as the owner of schema `entrepot_ops`. Who wants a lock looks for
such sessions and joins them under a table lock that nobody else has the right to take, and lets
that go at once: no transaction stays open.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg

from entrepot_core.base.errors import AnotherRun
from entrepot_core.base.logs import event
from entrepot_core.base.part import part
from entrepot_core.postgres.connection import Database, explained
from entrepot_core.postgres.identifiers import LONGEST_NAME
from entrepot_core.warehouse import migrate

RUN = "run"
# Held by whoever writes to append tables: the target, and the audit.
APPEND = "append tables"
NIGHT = "night"

_REGISTER = "entrepot_ops.lock_register"
_EXISTS = f"SELECT pg_catalog.to_regclass('{_REGISTER}') IS NOT NULL"
# A holder keeps the register for the time of two short queries.
_REGISTER_TIMEOUT = "30s"
_KEY_TRIES = 10
_LOCK, _LOCK_OF = "lock", "lock of"
_POLL = 1.0  # seconds
_HOLDERS = f"""
SELECT a.pid, a.usename::text, coalesce(a.client_addr::text, 'this machine'),
    coalesce(a.application_name, ''), a.backend_start
FROM pg_catalog.pg_locks AS l
JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
JOIN pg_catalog.pg_class AS c ON c.oid = '{_REGISTER}'::regclass
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = %s
    AND l.database = (
        SELECT d.oid FROM pg_catalog.pg_database AS d
        WHERE d.datname = pg_catalog.current_database()
    )
    AND a.pid <> pg_catalog.pg_backend_pid()
    AND pg_catalog.pg_has_role(a.usesysid, c.relowner, 'MEMBER')
ORDER BY a.backend_start LIMIT 1
"""
_OWN = """
SELECT l.objid::bigint FROM pg_catalog.pg_locks AS l
WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.classid = %s
    AND l.pid = pg_catalog.pg_backend_pid()
LIMIT 1
"""


@dataclass(frozen=True)
class Holder:
    """The session that holds a lock.

    Attributes:
        pid: Its process on the server.
        role: As whom it logged in.
        address: Where it comes from.
        application: What it calls itself.
        since: When it began.
    """

    pid: int
    role: str
    address: str
    application: str
    since: datetime

    def __str__(self) -> str:
        """Say it in messages."""
        return (
            f"session {self.pid} of role {self.role} from {self.address} ({self.application}), "
            f"since {self.since:%Y-%m-%d %H:%M:%S %Z}"
        )


def take(session: psycopg.Connection, name: str) -> Holder | None:
    """Take a lock, unless another session holds it.

    Args:
        session: The session that will hold it, in autocommit; it may hold it already.
        name: Which lock.

    Returns:
        The session that holds it; None when it is ours now.

    Raises:
        AnotherRun: If a key could not be found.
        Refused: If a newer release has worked in this warehouse.
    """
    migrate.upgrade(session)
    with session.transaction():
        session.execute(f"SET LOCAL lock_timeout = '{_REGISTER_TIMEOUT}'")
        session.execute(f"LOCK TABLE {_REGISTER} IN EXCLUSIVE MODE")
        if found := holder(session, name):
            return found
        for _ in range(_KEY_TRIES):
            row = session.execute(
                "SELECT pg_catalog.pg_try_advisory_lock(%s::int4, %s::int4)",
                [_signed(_family(name)), _signed(secrets.randbits(32))],
            ).fetchone()
            if row == (True,):
                return None
    raise AnotherRun(
        f"the lock {name!r} could not be taken with any of {_KEY_TRIES} random keys"
    )


def release(session: psycopg.Connection, name: str) -> None:
    """Give a lock back.

    Args:
        session: The session that holds it.
        name: Which lock.
    """
    row = session.execute(_OWN, [_family(name)]).fetchone()
    if row:
        session.execute(
            "SELECT pg_catalog.pg_advisory_unlock(%s::int4, %s::int4)",
            [_signed(_family(name)), _signed(row[0])],
        )


def holder(session: psycopg.Connection, name: str) -> Holder | None:
    """Find the other session that holds a lock.

    Args:
        session: A session of the warehouse's owner.
        name: Which lock.

    Returns:
        The session; None when no other one holds the lock.
    """
    if session.execute(_EXISTS).fetchone() != (True,):
        return None
    row = session.execute(_HOLDERS, [_family(name)]).fetchone()
    return Holder(*row) if row else None


def _family(name: str) -> int:
    """Give the half of the key that says which lock it is: 32 bits, unsigned."""
    return int.from_bytes(
        hashlib.sha256(f"entrepot {name}".encode()).digest()[:4], "big"
    )


def _signed(value: int) -> int:
    """Write 32 bits as PostgreSQL's int4."""
    return value - (1 << 32) if value >= 1 << 31 else value


@dataclass(frozen=True)
class Turn:
    """Whose turn a lock is: replicas of one warehouse take turns, for they land in one place.

    Attributes:
        replica: The replica's schema.
        patience: Seconds to wait while the lock is another replica's.
    """

    replica: str
    patience: float

    @property
    def purpose(self) -> str:
        """What the session that holds the lock says of itself."""
        return f"{_LOCK_OF} {self.replica}"

    def is_of_another(self, found: Holder) -> bool:
        """Say whether a lock is held for another replica.

        Args:
            found: Who holds it.

        Returns:
            Whether it is; never for a holder that does not say for which.
        """
        application = found.application.encode()
        mine = part.application(self.purpose).encode()[:LONGEST_NAME]
        return (
            application.startswith(part.application(_LOCK_OF).encode())
            and application != mine
        )


@contextmanager
def warehouse_lock(
    warehouse: Database, turn: Turn | None = None
) -> Iterator[psycopg.Connection]:
    """Hold the lock for the time of a command.

    Args:
        warehouse: The database that only one run may change.
        turn: For which replica; a run of another one is waited for.

    Yields:
        The session that holds the lock: what must not happen without it is done in it.

    Raises:
        AnotherRun: If a run holds the lock; the message says who, where and since when.
        TransientFailure: If the warehouse is lost.
    """
    label, purpose = warehouse.label, turn.purpose if turn else _LOCK
    with explained(label), warehouse.connect(purpose=purpose) as connection:
        if found := _take_in_turn(connection, turn):
            raise AnotherRun(_who_holds(connection, label, found))
        yield connection


def _take_in_turn(connection: psycopg.Connection, turn: Turn | None) -> Holder | None:
    """Take the lock of runs; wait for runs of other replicas."""
    began, waits = time.monotonic(), False
    while found := take(connection, RUN):
        if turn is None or not turn.is_of_another(found):
            return found
        if time.monotonic() - began >= turn.patience:
            return found
        if not waits:
            event(f"waiting for a run of another replica to end: {found}")
            waits = True
        time.sleep(_POLL)
    return None


def end_orphans(connection: psycopg.Connection) -> int:
    """End the sessions that a dead run of this part of Entrepôt left working.

    Args:
        connection: The session that holds the lock, so that no other run is alive.

    Returns:
        How many there were.
    """
    query = (
        "SELECT pg_catalog.count(pg_catalog.pg_terminate_backend(pid))"
        " FROM pg_catalog.pg_stat_activity"
        " WHERE datname = pg_catalog.current_database()"
        " AND pg_catalog.pg_has_role(usesysid, 'USAGE')"
        " AND application_name LIKE %s AND pid <> pg_catalog.pg_backend_pid()"
        " AND application_name NOT LIKE %s"
    )
    row = connection.execute(
        query, [f"{part.application('work')}%", f"{part.application(_LOCK)}%"]
    ).fetchone()
    return row[0] if row else 0


def _who_holds(connection: psycopg.Connection, label: str, found: Holder) -> str:
    """Describe the run that holds the lock."""
    row = None
    if connection.execute("SELECT to_regclass('entrepot_ops.runs')").fetchone() != (
        None,
    ):
        row = connection.execute(
            "SELECT run_id, command, host, pid, started_at, step FROM entrepot_ops.runs"
            " WHERE status = 'running' ORDER BY run_id DESC LIMIT 1"
        ).fetchone()
    if row is None:
        return (
            f"another run holds the {label}'s lock; it has just started; it is {found}"
        )
    run, command, host, pid, started, step = row
    return (
        f"another run holds the {label}'s lock: run {run} ({command}) on {host}, process {pid}, "
        f"since {started:%Y-%m-%d %H:%M:%S %Z}, now in step {step}; it is {found}"
    )
