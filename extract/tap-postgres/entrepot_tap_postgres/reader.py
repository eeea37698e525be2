"""Reads an append table under one snapshot, in ranges of its replication key."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg

from entrepot_tap_postgres.fence import Look
from pg_replica import columns
from pg_replica.connection import Database
from pg_replica.copy_spool import Spool
from pg_replica.names import TableName, literal, quote
from pg_replica.transport import CopyOut, Patience

_LOOK = (
    "SELECT pg_catalog.pg_snapshot_xmin(s)::text::bigint,"
    " pg_catalog.pg_snapshot_xmax(s)::text::bigint, (SELECT {key} FROM {table}"
    " ORDER BY {key} DESC LIMIT 1)::text FROM pg_catalog.pg_current_snapshot() AS s"
)
_PAUSE = 0.02  # seconds


@dataclass(frozen=True)
class Range:
    """Rows above one key and up to another.

    Attributes:
        low: As text; None for the first row on.
        high: As text, included.
    """

    low: str | None
    high: str


@dataclass(frozen=True)
class CopyFile:
    """A range, in a file.

    Attributes:
        path: The file.
        covers: The range, all rows of which it holds.
        rows: How many, by the server's own count.
    """

    path: Path
    covers: Range
    rows: int


@dataclass(frozen=True)
class Stream:
    """What is read.

    Attributes:
        table: The table.
        key: Its replication key.
        key_type: That column's type.
        names: The columns, in the order of the files.
        chosen: The same in SQL, pseudonyms computed.
        copy_format: `binary` or `text`.
        secret: `PSEUDONYM_SECRET`, when a column needs it.
    """

    table: TableName
    key: str
    key_type: str
    names: list[str]
    chosen: str
    copy_format: str
    secret: str | None


class Reader:
    """The source, held still for the time of one stream."""

    def __init__(
        self, source: Database, stream: Stream, jobs: int, lock_timeout: float
    ) -> None:
        """Look at the table; nothing is held yet.

        Args:
            source: The source.
            stream: What is read.
            jobs: Ranges read at once.
            lock_timeout: Seconds to wait for the table's lock.
        """
        self._source = source
        self._stream = stream
        self._jobs = jobs
        self._lock_timeout = lock_timeout
        self._stop = threading.Event()
        self._holder = source.connect(purpose="tap snapshot")

    def look(self) -> Look:
        """Note the greatest key and which transactions are open, in one snapshot."""
        row = self._holder.execute(
            _LOOK.format(key=quote(self._stream.key), table=self._stream.table.sql)
        ).fetchone()
        assert row is not None
        return Look(*row)

    def wait_for(self, xmax: int, seconds: float) -> None:
        """Wait until the transactions open at a look have ended, but not for ever.

        Args:
            xmax: The look's.
            seconds: For how long at most.
        """
        deadline = time.monotonic() + float(seconds)
        query = "SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::bigint"
        while time.monotonic() < deadline:
            row = self._holder.execute(query).fetchone()
            if row and row[0] >= xmax:
                return
            time.sleep(_PAUSE)

    def hold(self) -> Look:
        """Lock the table against TRUNCATE and rewrites, take the snapshot, and look.

        A snapshot without the lock gives no row, and no error, after a TRUNCATE.
        """
        holder = self._holder
        holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        holder.execute(f"SET LOCAL lock_timeout = '{self._lock_timeout * 1000:.0f}ms'")
        holder.execute(f"LOCK TABLE {self._stream.table.sql} IN ACCESS SHARE MODE")
        look = self.look()
        row = holder.execute("SELECT pg_catalog.pg_export_snapshot()").fetchone()
        assert row is not None
        self._snapshot: str = row[0]
        return look

    def greatest(self, keys: list[str]) -> str | None:
        """Give the greatest of some keys, in the order of their type.

        Args:
            keys: As text.
        """
        return self._ask(f"SELECT max(k::{self._stream.key_type})::text", keys)

    def least(self, keys: list[str]) -> str | None:
        """Give the least of some keys, in the order of their type.

        Args:
            keys: As text.
        """
        return self._ask(f"SELECT min(k::{self._stream.key_type})::text", keys)

    def _ask(self, select: str, keys: list[str]) -> str | None:
        row = self._holder.execute(
            f"{select} FROM unnest(%s::text[]) AS t (k)", [keys]
        ).fetchone()
        assert row is not None
        return row[0]

    def before(self, key: str, margin: int) -> str:
        """Go back from a key by the lookback.

        Args:
            key: As text.
            margin: Ids for a number, seconds for a time; UUIDs have none.
        """
        type_name = self._stream.key_type
        if not margin or type_name == "uuid":
            return key
        by = (
            "%s"
            if type_name in ("smallint", "integer", "bigint")
            else "%s * interval '1 s'"
        )
        row = self._holder.execute(
            f"SELECT (%s::{type_name} - {by})::{type_name}::text", [key, margin]
        ).fetchone()
        assert row is not None
        return row[0]

    def ranges(self, low: str | None, rows: int) -> Iterator[Range]:
        """Cut what is above a key into ranges; equal keys are never in two.

        Args:
            low: The key.
            rows: In each range, about.

        Yields:
            The ranges, in order.
        """
        key, table = quote(self._stream.key), self._stream.table.sql
        while True:
            above = ""
            if low is not None:
                above = f"WHERE {key} > {literal(low)}::{self._stream.key_type}"
            row = self._holder.execute(
                f"SELECT (SELECT {key} FROM {table} {above} ORDER BY {key}"
                f" OFFSET {rows - 1} LIMIT 1)::text,"
                f" (SELECT {key} FROM {table} ORDER BY {key} DESC LIMIT 1)::text"
            ).fetchone()
            assert row is not None
            high, top = row
            if top is None or low == top:
                return
            yield Range(low, high or top)
            low = high or top

    def files(self, ranges: Iterator[Range], spool: Spool) -> Iterator[CopyFile]:
        """Copy ranges into files, several at once, and give them in order.

        Args:
            ranges: The ranges.
            spool: Where the files go.

        Yields:
            Whole files: the source has said that each is.
        """
        free = list(range(self._jobs))
        sessions: dict[int, psycopg.Connection] = {}
        pending: list[tuple[int, Future[CopyFile]]] = []

        def copy(worker: int, covers: Range, path: Path) -> CopyFile:
            if worker not in sessions:
                sessions[worker] = self._session(worker)
            return self._copy(sessions[worker], covers, path)

        try:
            with ThreadPoolExecutor(self._jobs) as pool:
                for number, covers in enumerate(ranges):
                    if not free:
                        worker, future = pending.pop(0)
                        yield future.result()
                        free.append(worker)
                    path = spool.path(
                        f"{self._stream.table.name.encode().hex()[:60]}.{number:06}"
                    )
                    worker = free.pop(0)
                    pending.append((worker, pool.submit(copy, worker, covers, path)))
                for _, future in pending:
                    yield future.result()
        finally:
            self._stop.set()
            for session in sessions.values():
                session.close()

    def _session(self, worker: int) -> psycopg.Connection:
        session = self._source.connect(purpose=f"tap work {worker}")
        if self._stream.secret:
            columns.set_secret(session, self._stream.secret)
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        session.execute(f"SET TRANSACTION SNAPSHOT '{self._snapshot}'")
        return session

    def _copy(self, session: psycopg.Connection, covers: Range, path: Path) -> CopyFile:
        stream = self._stream
        key, type_name = quote(stream.key), stream.key_type
        where = f"{key} <= {literal(covers.high)}::{type_name}"
        if covers.low is not None:
            where = f"{key} > {literal(covers.low)}::{type_name} AND {where}"
        statement = (
            f"COPY (SELECT {stream.chosen} FROM {stream.table.sql} WHERE {where})"
            f" TO STDOUT (FORMAT {stream.copy_format})"
        )
        patience = Patience(self._stop, self._source.timeout)
        copy = CopyOut(session, statement, patience)
        with path.open("wb") as file:
            for chunk in copy:
                file.write(chunk)
        return CopyFile(path, covers, copy.rows)

    def close(self) -> None:
        """Let the source go."""
        self._stop.set()
        self._holder.close()
