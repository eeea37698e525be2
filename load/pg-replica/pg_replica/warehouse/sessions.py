"""The sessions of the workers: opened when first needed, cancelled and closed together."""

from __future__ import annotations

import threading
from contextlib import suppress

import psycopg

from entrepot_core.postgres.connection import Database, hang_up

_CANCEL_SECONDS = 2


class Sessions:
    """One session a worker on one database.

    Args:
        database: Where.
        autocommit: As in `Database.connect`.
    """

    def __init__(self, database: Database, *, autocommit: bool) -> None:
        self._database = database
        self._autocommit = autocommit
        self._mutex = threading.Lock()
        self._open: dict[int, psycopg.Connection] = {}

    def get(self, worker: int) -> psycopg.Connection:
        """Give a worker's session, a new one when the last was lost.

        Args:
            worker: The worker's number.

        Returns:
            The session, in autocommit.
        """
        with self._mutex:
            session = self._open.get(worker)
        if session is None or session.closed:
            session = self._database.connect(
                purpose=f"work {worker}", autocommit=self._autocommit
            )
            with self._mutex:
                self._open[worker] = session
        return session

    def discard(self, worker: int) -> None:
        """Close a worker's session; what its transaction did is undone.

        Args:
            worker: The worker's number.
        """
        with self._mutex:
            session = self._open.pop(worker, None)
        if session is not None:
            session.close()

    def cancel(self) -> None:
        """Ask the server to end whatever the sessions are doing, then hang up."""
        with self._mutex:
            sessions = list(self._open.values())
        for session in sessions:
            # An error means that the server is gone, and the statement with it.
            with suppress(psycopg.Error):
                session.cancel_safe(timeout=_CANCEL_SECONDS)
            hang_up(session)

    def close(self) -> None:
        """Close all."""
        with self._mutex:
            workers = list(self._open)
        for worker in workers:
            self.discard(worker)
