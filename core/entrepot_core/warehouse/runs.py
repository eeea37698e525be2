"""The record of a run in the warehouse's `entrepot_ops` schema."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone

import psycopg
from psycopg.rows import TupleRow

from entrepot_core.base.errors import TransientFailure
from entrepot_core.base.logs import event
from entrepot_core.base.redaction import redact
from entrepot_core.postgres.connection import Database, explained, one_line
from entrepot_core.warehouse import migrate

_FLUSH_SECONDS = 2.0


@dataclass(frozen=True)
class Item:
    """One restored item.

    Attributes:
        kind: `TABLE DATA`, `INDEX`, `CONSTRAINT`, `FK CONSTRAINT`…, as pg_restore calls them.
        name: Its name, or its table's for data.
        started_at: When the work on it began.
        seconds: For how long it lasted.
        row_count: Rows copied; None where there are none.
        byte_count: Bytes copied; None where there are none.
    """

    kind: str
    name: str
    started_at: datetime
    seconds: float
    row_count: int | None = None
    byte_count: int | None = None


class Record:
    """Writes one run's record; safe to call from several threads."""

    def __init__(self, warehouse: Database, command: str, mode: str) -> None:
        """Begin a run; the caller holds the warehouse's lock.

        Args:
            warehouse: Where to write.
            command: The verb that runs.
            mode: Where its data comes from.
        """
        # Its commits must outlive a crash of the server: by them the next run knows what is ours.
        self._warehouse = replace(warehouse, settings=())
        self._mutex = threading.Lock()
        self._connection: psycopg.Connection | None = None
        self._items: list[tuple[int, Item]] = []
        self._flushed_at = time.monotonic()
        self.attempt = 1
        self.step_name = "start"
        with (
            explained("warehouse"),
            self._warehouse.connect(purpose="record") as session,
        ):
            migrate.upgrade(session)
        self.interrupted = self._mark_interrupted()
        self.run_id: int = self._fetch(
            "INSERT INTO entrepot_ops.runs (command, mode, host, pid) VALUES (%s, %s, %s, %s)"
            " RETURNING run_id",
            [command, mode, socket.gethostname(), os.getpid()],
        )[0][0]

    def _mark_interrupted(self) -> list[tuple[int, str, list[str]]]:
        """Close the runs whose process died: we hold the lock, so none of them is alive."""
        return self._fetch(
            "UPDATE entrepot_ops.runs SET status = 'interrupted', ended_at = now(),"
            " message = 'interrupted in step ' || step WHERE status = 'running'"
            " RETURNING run_id, step, landing"
        )

    def unclean_landing(self) -> list[str]:
        """List the schemas in which earlier runs may have left objects."""
        rows = self._fetch("SELECT DISTINCT unnest(landing) FROM entrepot_ops.runs")
        return [row[0] for row in rows]

    def landing_objects(self) -> set[str]:
        """List the names of what unfinished runs make in schema `public`."""
        rows = self._fetch("SELECT object_name FROM entrepot_ops.landing_objects")
        return {row[0] for row in rows}

    def set_landing(self, schemas: list[str], names: list[str]) -> None:
        """Note which schemas this run is about to fill.

        Args:
            schemas: Their names; empty once they are clean, for this and all earlier runs.
            names: What it makes in schema `public`.
        """
        self._execute(
            "WITH gone AS (DELETE FROM entrepot_ops.landing_objects"
            " WHERE NOT object_name = ANY (%(names)s))"
            " INSERT INTO entrepot_ops.landing_objects SELECT unnest(%(names)s::text[])"
            " ON CONFLICT DO NOTHING",
            {"names": names},
        )
        if schemas:
            self._execute(
                "UPDATE entrepot_ops.runs SET landing = %s WHERE run_id = %s",
                [schemas, self.run_id],
            )
        else:
            self._execute(
                "UPDATE entrepot_ops.runs SET landing = '{}' WHERE landing <> '{}'"
            )

    def begin_attempt(self, attempt: int) -> None:
        """Note that the run goes on after an attempt that failed.

        Args:
            attempt: Its number, from 1.
        """
        self.attempt = attempt
        self._hang_up()  # it may have been lost without our having noticed
        self._execute(
            "UPDATE entrepot_ops.runs SET status = 'running', ended_at = NULL, message = NULL"
            " WHERE run_id = %s",
            [self.run_id],
        )

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step.

        Args:
            name: Its name, also shown by `status` while it runs.

        Raises:
            TransientFailure: If the record cannot be written, and the step itself has not failed.
        """
        self.step_name = name
        began, key = time.monotonic(), [self.run_id, self.attempt, name]
        event(name, run=self.run_id)
        self._execute(
            "WITH now_in AS (UPDATE entrepot_ops.runs SET step = %(step)s WHERE run_id = %(run)s)"
            " INSERT INTO entrepot_ops.steps (run_id, attempt, step, started_at)"
            " VALUES (%(run)s, %(attempt)s, %(step)s, now())",
            {"run": self.run_id, "attempt": self.attempt, "step": name},
        )
        status = "failed"
        try:
            yield
            status = "succeeded"
        finally:
            try:
                self.flush()
                self._execute(
                    "UPDATE entrepot_ops.steps SET seconds = %s, status = %s"
                    " WHERE run_id = %s AND attempt = %s AND step = %s",
                    [time.monotonic() - began, status, *key],
                )
            except TransientFailure:
                if status == "succeeded":
                    raise

    def item(self, item: Item) -> None:
        """Note one finished item.

        Args:
            item: What was done, and for how long.
        """
        with self._mutex:
            self._items.append((self.attempt, item))
            due = time.monotonic() - self._flushed_at > _FLUSH_SECONDS
        if due:
            self.flush()

    def flush(self) -> None:
        """Write the items noted so far."""
        with self._mutex:
            items, self._items = self._items, []
            self._flushed_at = time.monotonic()
        if items:
            rows = [
                (
                    self.run_id,
                    attempt,
                    i.kind,
                    i.name,
                    i.started_at,
                    i.seconds,
                    i.row_count,
                    i.byte_count,
                )
                for attempt, i in items
            ]
            self._execute(
                "INSERT INTO entrepot_ops.items SELECT * FROM unnest(%s::bigint[], %s::int[],"
                " %s::text[], %s::text[], %s::timestamptz[], %s::float8[], %s::bigint[],"
                " %s::bigint[])",
                [list(column) for column in zip(*rows, strict=True)],
            )

    def finding(self, subject: str, finding: str) -> None:
        """Note, and log, something that a person should know.

        Args:
            subject: The object concerned.
            finding: One sentence about it.
        """
        event(f"{subject}: {finding}", level=logging.WARNING)
        self._execute(
            "INSERT INTO entrepot_ops.findings (run_id, subject, finding) VALUES (%s, %s, %s)",
            [self.run_id, redact(subject), redact(finding)],
        )

    def set_replication(self, way: str, reason: str | None) -> None:
        """Note which way the run brings its rows.

        Args:
            way: `delta` or `full`.
            reason: Why everything is copied; None where it is not.
        """
        self._execute(
            "UPDATE entrepot_ops.runs SET replication = %s, replication_reason = %s"
            " WHERE run_id = %s",
            [way, redact(reason) if reason else None, self.run_id],
        )

    def close(self, status: str, message: str | None = None) -> None:
        """End the run.

        Args:
            status: `succeeded`, `failed` or `cancelled`.
            message: Why, when it did not succeed.
        """
        self.flush()
        self._execute(
            "UPDATE entrepot_ops.runs SET status = %s, message = %s, ended_at = now()"
            " WHERE run_id = %s",
            [status, redact(message) if message else None, self.run_id],
        )
        self._hang_up()

    def _hang_up(self) -> None:
        with self._mutex:
            if self._connection:
                self._connection.close()

    def _fetch(
        self,
        query: str,
        parameters: Sequence[object] | Mapping[str, object] | None = None,
    ) -> list[TupleRow]:
        return self._execute(query, parameters, fetch=True)

    def _execute(
        self,
        query: str,
        parameters: Sequence[object] | Mapping[str, object] | None = None,
        *,
        fetch: bool = False,
    ) -> list[TupleRow]:
        """Run one statement, on a new connection when the last one is gone."""
        with self._mutex:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = self._warehouse.connect(purpose="record")
                cursor = self._connection.execute(query, parameters)
                return cursor.fetchall() if fetch else []
            except psycopg.OperationalError as error:
                raise TransientFailure(
                    f"the warehouse's record: {one_line(error)}"
                ) from None


def utc_now() -> datetime:
    """Give the time as the record stores it."""
    return datetime.now(timezone.utc)
