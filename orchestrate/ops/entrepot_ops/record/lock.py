"""One night at a time on any machine: a lock in the warehouse, freed with its session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from entrepot_core.base.errors import AnotherRun
from entrepot_core.postgres.connection import Database, explained
from entrepot_core.warehouse import locks


class NightLock:
    """The lock of nights.

    Args:
        warehouse: The database that only one night may change.
        patience: Seconds to wait for a server that restarts.
    """

    def __init__(self, warehouse: Database, patience: float) -> None:
        self._warehouse = warehouse
        self._patience = patience
        self._session: psycopg.Connection | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            AnotherRun: If a night runs; the message says where, since when and in which step.
            TransientFailure: If the warehouse cannot be reached.
        """
        self._warehouse.wait_until_ready(self._patience)
        self._take()
        try:
            yield
        finally:
            if self._session:
                self._session.close()

    def still(self) -> None:
        """Make sure that we hold the lock, for it goes with a server that restarts.

        Raises:
            AnotherRun: If another night has taken it in the meantime.
        """
        try:
            assert self._session is not None
            self._session.execute("SELECT")
        except psycopg.OperationalError:
            self._warehouse.wait_until_ready(self._patience)
            self._take()

    def _take(self) -> None:
        with explained("warehouse"):
            if self._session:
                self._session.close()
            self._session = self._warehouse.connect(purpose="lock of the night")
            if holder := locks.take(self._session, locks.NIGHT):
                message = _who_holds(self._session, holder)
                self._session.close()
                raise AnotherRun(message)


def is_held(warehouse: Database) -> bool:
    """Say whether a night runs, wherever.

    Args:
        warehouse: The database.

    Returns:
        Whether one does.
    """
    with explained("warehouse"), warehouse.connect(purpose="status") as session:
        return locks.holder(session, locks.NIGHT) is not None


def _who_holds(session: psycopg.Connection, holder: locks.Holder) -> str:
    row = None
    if session.execute("SELECT to_regclass('entrepot_ops.nights')").fetchone() != (
        None,
    ):
        row = session.execute(
            "SELECT night_id, host, pid, started_at, step FROM entrepot_ops.nights"
            " WHERE status = 'running' ORDER BY night_id DESC LIMIT 1"
        ).fetchone()
    if row is None:
        return (
            f"another night runs on this warehouse; it has just started; it is {holder}"
        )
    night, host, pid, started, step = row
    return (
        f"another night runs on this warehouse: night {night} on {host}, process {pid}, "
        f"since {started:%Y-%m-%d %H:%M:%S %Z}, now in step {step or 'start'}; "
        f"it is {holder}"
    )
