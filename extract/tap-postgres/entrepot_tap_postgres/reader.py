"""Reads an append table under one snapshot after another, in ranges of its replication key."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from entrepot_core.postgres.connection import Database, bounded
from entrepot_core.postgres.copy.libpq import Patience
from entrepot_core.postgres.identifiers import literal, quote
from entrepot_core.postgres.snapshot import Held, Limits
from entrepot_core.singer.batch import CopyBatch, KeyRange
from entrepot_core.singer.spool import Spool
from entrepot_tap_postgres.copies import copy_range
from entrepot_tap_postgres.fence import LOOKED_AT, Look, dense
from entrepot_tap_postgres.keys import uuid_at
from entrepot_tap_postgres.query import Query

_LOOK = (
    "SELECT pg_catalog.pg_snapshot_xmin(s)::text::bigint,"
    " pg_catalog.pg_snapshot_xmax(s)::text::bigint, (SELECT {key} FROM {table}"
    " ORDER BY {key} DESC LIMIT 1)::text, {newest} FROM pg_catalog.pg_current_snapshot() AS s"
)
_NEWEST = "ARRAY(SELECT {key}::bigint FROM {table} ORDER BY {key} DESC LIMIT {count})"
# Sessions of other roles show their begin only to members of pg_read_all_stats.
_OLDEST = """
SELECT least(pg_catalog.clock_timestamp(), min(xact_start)) AS oldest,
    (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'TimeZone') AS zone,
    pg_catalog.count(*) FILTER (WHERE query = '<insufficient privilege>') AS hidden
FROM pg_catalog.pg_stat_activity
WHERE datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid()
AND coalesce(backend_type, 'client backend') = 'client backend'
AND NOT (usename = current_user AND application_name LIKE 'entrepot %')
"""
_PAUSE = 0.02  # seconds


class Reader:
    """The source, held still while rows are read.

    Attributes:
        query: What is read; another after a deploy has changed the table.
        hidden: Transactions whose begin we may not see, at the last look.
    """

    def __init__(
        self, source: Database, query: Query, jobs: int, limits: Limits
    ) -> None:
        """Connect; nothing is held yet.

        Args:
            source: The source.
            query: What is read.
            jobs: Ranges read at once.
            limits: What the source may bear.
        """
        self.query = query
        self.hidden = 0
        self._source = source
        self._jobs = jobs
        self._limits = limits
        self._held: Held | None = None
        self._numbers = itertools.count()
        self._desk = source.connect(purpose="desk")

    def _ask(self, query: str, parameters: list[Any] | None = None) -> tuple[Any, ...]:
        """Ask something that holds nothing and takes no time."""
        with bounded(self._desk, self._source.timeout):
            row = self._desk.execute(query, parameters).fetchone()
        assert row is not None
        return row

    def look(self) -> Look:
        """Note the greatest key and which transactions are open, in one snapshot."""
        return self._look(self._desk)

    def _look(self, session: psycopg.Connection) -> Look:
        key, table = self.query.key, self.query.table.sql
        # Asked before the snapshot: who begins later writes later times.
        bound = self._certain()
        name, newest = quote(key.name), "NULL::bigint[]"
        if key.kind == "number":  # in the same snapshot
            newest = _NEWEST.format(key=name, table=table, count=LOOKED_AT)
        row = session.execute(
            _LOOK.format(key=name, table=table, newest=newest)
        ).fetchone()
        assert row is not None
        xmin, xmax, top, keys = row
        if keys and (lower := dense(keys)) is not None:
            return Look(xmin, xmax, top, str(lower))
        if top is None or bound is None:
            return Look(xmin, xmax, top)
        limit = uuid_at(bound, top) if isinstance(bound, datetime) else bound
        return Look(xmin, xmax, top, self.least([top, limit]))

    def _certain(self) -> datetime | str | None:
        key = self.query.key
        expression = key.certain()
        if expression is None:
            return None
        as_text = "" if key.kind == "uuid" else f"::{key.type_name}::text"
        bound, self.hidden = self._ask(
            f"SELECT ({expression}){as_text}, hidden FROM ({_OLDEST}) AS o"
        )
        found: datetime | str | None = bound
        return found

    def wait_for(self, xmax: int, seconds: float) -> None:
        """Wait until the transactions open at a look have ended, but not for ever.

        Args:
            xmax: The look's.
            seconds: For how long at most.
        """
        deadline = time.monotonic() + float(seconds)
        query = "SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::bigint"
        while time.monotonic() < deadline:
            if self._ask(query)[0] >= xmax:
                return
            time.sleep(_PAUSE)

    def hold(self) -> Look:
        """Lock the table, take a new snapshot, and look.

        Returns:
            What the snapshot shows.

        Raises:
            TransientFailure: If the lock can't be had.
            GaveWay: If the snapshot was lost at once.
        """
        self._release()
        self._held = Held(self._source, self.query.table, self._limits, "snapshot")
        with self._held.reading():
            look = self._look(self._held.session)
            self._held.export()
        return look

    def greatest(self, keys: list[str]) -> str | None:
        """Give the greatest of some keys, in the order of their type.

        Args:
            keys: As text.

        Returns:
            The key; None for none.
        """
        return self._first(keys, "DESC")

    def least(self, keys: list[str]) -> str | None:
        """Give the least of some keys, in the order of their type.

        Args:
            keys: As text.

        Returns:
            The key; None for none.
        """
        return self._first(keys, "ASC")

    def _first(self, keys: list[str], order: str) -> str | None:
        if not keys:
            return None
        (found,) = self._ask(
            "SELECT k FROM unnest(%s::text[]) AS t (k)"
            f" ORDER BY k::{self.query.key.type_name} {order} LIMIT 1",
            [keys],
        )
        return str(found)

    def before(self, key: str) -> str:
        """Go back from a key by the lookback.

        Args:
            key: As text.

        Returns:
            The key, as text.
        """
        return str(self._ask(self.query.key.before(key), [key])[0])

    def _ranges(self, held: Held, low: str | None, rows: int) -> Iterator[KeyRange]:
        """Cut what is above a key into ranges; equal keys are never in two."""
        key, table = quote(self.query.key.name), self.query.table.sql
        while True:
            above = ""
            if low is not None:
                above = f"WHERE {key} > {literal(low)}::{self.query.key.type_name}"
            with held.reading():
                row = held.session.execute(
                    f"SELECT (SELECT {key} FROM {table} {above} ORDER BY {key}"
                    f" OFFSET {rows - 1} LIMIT 1)::text,"
                    f" (SELECT {key} FROM {table} ORDER BY {key} DESC LIMIT 1)::text"
                ).fetchone()
            assert row is not None
            high, top = row
            if top is None or (low is not None and self.least([low, top]) == top):
                return
            yield KeyRange(low, high or top)
            low = high or top

    def files(self, low: str | None, rows: int, spool: Spool) -> Iterator[CopyBatch]:
        """Copy what is above a key into files, several at once, and give them in order.

        Args:
            low: The key.
            rows: In each file, about.
            spool: Where the files go.

        Yields:
            Whole files: the source has said that each is.

        Raises:
            GaveWay: If the snapshot was let go: `hold` again, and go on from the last file.
        """
        held, query = self._held, self.query
        assert held is not None
        free = list(range(self._jobs))
        sessions: dict[int, psycopg.Connection] = {}
        pending: list[tuple[int, Future[CopyBatch]]] = []

        def copy(worker: int, covers: KeyRange, path: Path) -> CopyBatch:
            with held.reading():
                if worker not in sessions:
                    sessions[worker] = held.share(f"work {worker}")
                patience = Patience(held.stop, self._source.timeout)
                return copy_range(
                    query, sessions[worker], patience, covers, path, self._desk
                )

        try:
            with ThreadPoolExecutor(self._jobs) as pool:
                try:
                    for covers in self._ranges(held, low, rows):
                        # What waits is announced before room is waited for: it takes the room.
                        while not free or (pending and not spool.has_room):
                            worker, future = pending.pop(0)
                            yield future.result()
                            free.append(worker)
                        table = query.table.name.encode().hex()[:60]
                        path = spool.path(
                            f"{table}.{next(self._numbers):06}", waits=not pending
                        )
                        worker = free.pop(0)
                        future = pool.submit(copy, worker, covers, path)
                        pending.append((worker, future))
                    while pending:
                        yield pending.pop(0)[1].result()
                finally:
                    held.stop.set()
        finally:
            for _, future in pending:
                # Files of cancelled or unfinished ranges: never announced to the target.
                with suppress(Exception):
                    batch = future.result()
                    assert batch.file is not None
                    batch.file.path.unlink()

    def _release(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    def close(self) -> None:
        """Let the source go."""
        self._release()
        self._desk.close()
