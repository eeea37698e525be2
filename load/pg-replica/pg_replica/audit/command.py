"""The verb `audit`: append tables compared with the source, slice by slice, and repaired.

An append table is only read above its bookmark, so rows that the source updates, deletes or inserts
far below are not seen. The audit compares count and checksum of ranges of the replication key on
both sides, cuts ranges that differ into smaller ones, and replaces only the smallest, each in one
transaction. It ends at the key up to which every transaction of the source had ended when the table
was loaded: above it, rows are still to come, and are no differences. The checksum is the sum of a
64-bit hash of each row's text, under the same settings on both sides: so it depends neither on the
order of rows nor on the servers' versions.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.rows import TupleRow

from entrepot_core.base.errors import Differs, Refused, TransientFailure
from entrepot_core.base.logs import event
from entrepot_core.base.suggest import nearest
from entrepot_core.policy import columns
from entrepot_core.policy import tables as policy
from entrepot_core.postgres import catalog
from entrepot_core.postgres.connection import Database, explained
from entrepot_core.postgres.copy.libpq import CopyOut, Patience, copy_in
from entrepot_core.postgres.identifiers import TableName, literal, quote, unlike
from entrepot_core.postgres.snapshot import GaveWay, Held, Limits
from entrepot_core.warehouse import changes, locks, migrate
from entrepot_core.warehouse.locks import warehouse_lock
from entrepot_core.warehouse.runs import Record
from pg_replica.databases import databases
from pg_replica.settings import Settings

_RANGE_ROWS = 100_000
_SMALLEST = 1000  # rows of a range that is replaced
_PARTS = 10  # into which a range that differs is cut
_TRIES = 3  # snapshots under which nothing could be compared

_LOADED = """
SELECT p.stream, p.source_schema, p.table_schema, p.table_name, p.replication_key, p.high,
    p.settled,
    greatest(c.reltuples, 0)::bigint,
    (SELECT pg_catalog.format_type(a.atttypid, NULL) FROM pg_catalog.pg_attribute AS a
     WHERE a.attrelid = c.oid AND a.attname = p.replication_key),
    ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
          ORDER BY a.attnum),
    ARRAY(SELECT a.attname::text FROM pg_catalog.pg_index AS i
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
          WHERE i.indrelid = c.oid AND i.indisprimary)
FROM entrepot_ops.positions AS p
JOIN pg_catalog.pg_class AS c
    ON c.oid = to_regclass(format('%I.%I', p.table_schema, p.table_name))
ORDER BY p.stream
"""
_WHERE_WE_WERE = """
SELECT high FROM entrepot_ops.audits WHERE stream = %s AND NOT is_dry_run AND NOT is_at_end
AND run_id = (SELECT max(run_id) FROM entrepot_ops.audits WHERE stream = %s AND NOT is_dry_run)
"""
_SUM = (
    "SELECT pg_catalog.count(*), coalesce(pg_catalog.sum("
    "pg_catalog.hashtextextended({row}::text, 0)), 0)::text FROM ({rows}) AS {row}"
)


@dataclass(frozen=True)
class Span:
    """A range of keys.

    Attributes:
        low: Above this key, as text; None for the first row on.
        high: Up to this key, included.
        rows: About how many rows the source has there.
    """

    low: str | None
    high: str
    rows: int


@dataclass(frozen=True)
class Audited:
    """A table on both sides.

    Attributes:
        stream: Its name among the streams.
        there: On the source.
        here: In the warehouse.
        key: The replication key.
        key_type: That column's type.
        high: The key up to which it is loaded.
        settled: The key up to which the source can add nothing more; None when not known yet.
        size: About how many rows it has here.
        names: The columns compared.
        chosen: The same in SQL on the source, pseudonyms computed.
        primary_key: Columns that tell rows apart here; empty when none do.
    """

    stream: str
    there: TableName
    here: TableName
    key: str
    key_type: str
    high: str
    settled: str | None
    size: int
    names: list[str]
    chosen: str
    primary_key: list[str]

    def row(self, letter: str = "r") -> str:
        """Name a row as no column is named: a column's name would mean its value alone."""
        return quote(unlike(letter, self.names))

    def within(self, span: Span) -> str:
        """Write the condition for a range."""
        key = quote(self.key)
        text = f"{key} <= {literal(span.high)}::{self.key_type}"
        if span.low is None:
            return text
        return f"{key} > {literal(span.low)}::{self.key_type} AND {text}"

    def rows_there(self, span: Span) -> str:
        """Write the source's query for a range."""
        return f"SELECT {self.chosen} FROM {self.there.sql} WHERE {self.within(span)}"

    def rows_here(self, span: Span) -> str:
        """Write the warehouse's query for a range."""
        listed = ", ".join(map(quote, self.names))
        return f"SELECT {listed} FROM {self.here.sql} WHERE {self.within(span)}"


@dataclass
class Findings:
    """What a slice showed.

    Attributes:
        compared: Rows compared, as the source counts them.
        ranges: Smallest ranges that differed.
        missing: Rows that only the source had.
        changed: Rows that both had, differently.
        surplus: Rows that only the warehouse had.
        low: Where the slice began.
        high: Where it ended.
        at_end: Whether nothing is left above.
    """

    compared: int = 0
    ranges: list[Span] = field(default_factory=list)
    missing: int = 0
    changed: int = 0
    surplus: int = 0
    low: str | None = None
    high: str | None = None
    at_end: bool = False

    def add(self, other: Findings) -> None:
        """Add what a part of the slice showed."""
        self.compared += other.compared
        self.ranges += other.ranges
        self.missing += other.missing
        self.changed += other.changed
        self.surplus += other.surplus

    @property
    def sentence(self) -> str:
        """Say what differed."""
        return (
            f"{self.missing} rows missing, {self.changed} changed, {self.surplus} too many, in "
            f"{len(self.ranges)} ranges"
        )


def audit(
    settings: Settings, *, everything: bool, dry_run: bool, only: str | None
) -> None:
    """Compare append tables with the source, and repair what differs.

    Args:
        settings: The variables.
        everything: Whether all is compared, instead of tonight's slice.
        dry_run: Whether to leave the differences as they are.
        only: A single table, by its name in the policy.

    Raises:
        Differs: If anything did.
        Refused: If the audit cannot be done.
        AnotherRun: If a run is under way.
    """
    _, warehouse = databases(settings)
    with warehouse_lock(warehouse) as lock:
        migrate.upgrade(lock)
        loaded = lock.execute(_LOADED).fetchall()
        if not loaded and only is None:
            event("no append table is loaded yet: there is nothing to audit")
            return
        source = _source(settings)
        tables = _tables(settings, source, loaded, only)
        _exclude_loads(lock)
        record = Record(warehouse, "audit", "live")
        try:
            differing = []
            for table in tables:
                with record.step(f"audit {table.there}"):
                    found = _Comparison(settings, source, warehouse, table).slice(
                        _start(lock, table, everything=everything),
                        everything=everything,
                        dry_run=dry_run,
                    )
                    _note(record, lock, table, found, dry_run=dry_run)
                if found.ranges:
                    differing.append(f"table {table.there}: {found.sentence}")
            record.close("succeeded")
        except BaseException as error:
            record.close("failed", str(error))
            raise
    if differing:
        done = "left as they are" if dry_run else "repaired"
        raise Differs(f"{'; '.join(differing)}: {done}")


def _exclude_loads(lock: psycopg.Connection) -> None:
    if holder := locks.take(lock, locks.APPEND):
        raise Refused(
            [
                f"append tables are being loaded ({holder}): audit them when that has ended"
            ]
        )


def _source(settings: Settings) -> Database:
    """Give the live source, which append tables come from even when the rest is a dump."""
    if not settings.source_database_url:
        raise Refused(
            ["SOURCE_DATABASE_URL is missing: an audit compares with the live source"]
        )
    return Database(
        "source",
        settings.source_database_url,
        settings.network_timeout,
        (("row_security", "off"),),
    )


def _tables(
    settings: Settings, source: Database, loaded: list[TupleRow], only: str | None
) -> list[Audited]:
    """Match the loaded append tables with the source's, and with the policy."""
    text, problems = policy.read(Path(settings.tables_file), settings.backup_mode)
    with explained("source"), source.connect(purpose="audit") as session:
        there = catalog.table_columns(session)
    rules = text.resolve(there)
    found = []
    for (
        stream,
        schema,
        here_schema,
        name,
        key,
        high,
        settled,
        size,
        kind,
        names,
        primary,
    ) in loaded:
        table = TableName(schema, name)
        if not text.is_incremental(table):
            continue  # it is copied whole now, or has gone with its entry
        if table not in there:
            problems.append(f"the source has no table {table} any more")
            continue
        kept = [column for column in names if column in there[table]]
        found.append(
            Audited(
                stream,
                table,
                TableName(here_schema, name),
                key,
                kind,
                high,
                settled,
                size,
                kept,
                columns.chosen(kept, rules.rule(table)),
                primary,
            )
        )
    known = [str(table.there) for table in found]
    if only is not None and only not in known:
        problems.append(f"no append table {only!r} is loaded.{nearest(only, known)}")
    if problems := problems + rules.problems:
        raise Refused(problems)
    return [table for table in found if only in (None, str(table.there))]


def _start(lock: psycopg.Connection, table: Audited, *, everything: bool) -> str | None:
    """Give the key after which tonight's slice begins: where the last one ended."""
    if everything:
        return None
    row = lock.execute(_WHERE_WE_WERE, [table.stream, table.stream]).fetchone()
    return row[0] if row else None


def _note(
    record: Record,
    lock: psycopg.Connection,
    table: Audited,
    found: Findings,
    *,
    dry_run: bool,
) -> None:
    event(
        f"table {table.there}: {found.compared} rows compared",
        above=found.low,
        up_to=found.high,
        differing=len(found.ranges),
    )
    if found.ranges:
        first = found.ranges[0]
        record.finding(
            f"table {table.there}, {table.key} above {first.low} up to {first.high}",
            found.sentence + (": left as they are" if dry_run else ": repaired"),
        )
    lock.execute(
        "INSERT INTO entrepot_ops.audits VALUES"
        " (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            record.run_id,
            table.stream,
            found.low,
            found.high,
            found.at_end,
            dry_run,
            found.compared,
            len(found.ranges),
            found.missing,
            found.changed,
            found.surplus,
        ],
    )


class _Comparison:
    """One table, under one snapshot of the source after another."""

    def __init__(
        self, settings: Settings, source: Database, warehouse: Database, table: Audited
    ) -> None:
        self._settings = settings
        self._source = source
        self._warehouse = warehouse
        self._table = table

    def slice(self, low: str | None, *, everything: bool, dry_run: bool) -> Findings:
        """Compare from a key on, and repair."""
        found = Findings(low=low, high=low)
        wanted = self._table.size // self._settings.audit_days + 1
        with (
            explained("source or the warehouse"),
            self._warehouse.connect(purpose="audit warehouse") as self._here,
            ThreadPoolExecutor(2) as self._pool,
        ):
            fruitless = 0
            while True:
                before = found.high
                try:
                    with self._holding():
                        self._walk(
                            found, None if everything else wanted, dry_run=dry_run
                        )
                except GaveWay as reason:
                    fruitless = 0 if found.high != before else fruitless + 1
                    if fruitless == _TRIES:
                        raise TransientFailure(
                            f"table {self._table.there}: {reason}, {_TRIES} times",
                            "audit it when the source is less busy",
                        ) from None
                    event(f"table {self._table.there}: {reason}: going on in a new one")
                else:
                    return found

    @contextmanager
    def _holding(self) -> Iterator[None]:
        """Keep TRUNCATE out, take the snapshot, and let both go in time."""
        settings = self._settings
        limits = Limits(
            settings.source_lock_timeout,
            settings.source_lock_budget,
            settings.snapshot_limit,
        )
        table = self._table.there
        held = Held(self._source, table, limits, "audit source")
        try:
            self._there = held.session
            with held.reading():
                if settings.pseudonym_secret:
                    columns.set_secret(self._there, settings.pseudonym_secret)
                held.export()
                yield
        finally:
            held.close()

    def _walk(self, found: Findings, wanted: int | None, *, dry_run: bool) -> None:
        """Compare, range by range, until enough rows are compared or none are left."""
        table = self._table
        top, end = self._top(), self._end()
        if end is None:
            event(
                f"table {table.there}: nothing is settled yet, there is nothing to audit"
            )
            found.at_end = True
            return
        for span in self._spans(Span(found.high, end, _RANGE_ROWS * _PARTS)):
            part = Findings()
            try:
                part.compared += self._look_into(span, part, dry_run=dry_run)
                found.high = span.high
            finally:
                if found.high == span.high or not dry_run:
                    found.add(part)
            if wanted is not None and found.compared >= wanted:
                break
        found.at_end = found.high == end
        if found.at_end and not dry_run:
            self._lower_position(top)

    def _ask(self, query: str) -> str | None:
        row = self._there.execute(query).fetchone()
        return row[0] if row else None

    def _top(self) -> str | None:
        """Give the source's greatest key."""
        key, table = quote(self._table.key), self._table.there.sql
        return self._ask(
            f"SELECT (SELECT {key} FROM {table} ORDER BY {key} DESC LIMIT 1)::text"
        )

    def _end(self) -> str | None:
        """Give the key up to which both sides must be equal.

        What lies above the source's greatest key has been deleted there, whether it was settled
        or not.
        """
        table = self._table
        if table.settled is None:
            return None
        is_behind = self._ask(
            f"SELECT (NOT EXISTS (SELECT FROM {table.there.sql} WHERE {quote(table.key)}"
            f" >= {literal(table.settled)}::{table.key_type}))::text"
        )
        return table.high if is_behind == "true" else table.settled

    def _lower_position(self, top: str | None) -> None:
        """Let the next load begin at the source's greatest key, when that has gone back."""
        table, kind = self._table, self._table.key_type
        if top is None:
            query = "DELETE FROM entrepot_ops.positions WHERE stream = %(stream)s"
        else:
            query = (
                "UPDATE entrepot_ops.positions SET high = %(top)s, settled ="
                f" least(settled::{kind}, %(top)s::{kind})::text"
                f" WHERE stream = %(stream)s AND high::{kind} > %(top)s::{kind}"
            )
        self._here.execute(query, {"stream": table.stream, "top": top})

    def _spans(self, whole: Span) -> Iterator[Span]:
        """Cut a range, by the source's rows, so that nothing between two parts is left out."""
        table, low = self._table, whole.low
        rows = max(1, whole.rows // _PARTS)
        while True:
            rest = Span(low, whole.high, rows)
            row = self._there.execute(
                f"SELECT (SELECT {quote(table.key)} FROM {table.there.sql}"
                f" WHERE {table.within(rest)} ORDER BY {quote(table.key)}"
                f" OFFSET {rows - 1} LIMIT 1)::text"
            ).fetchone()
            if row is None or row[0] in (None, whole.high):
                yield rest
                return
            yield Span(low, row[0], rows)
            low = row[0]

    def _look_into(self, span: Span, found: Findings, *, dry_run: bool) -> int:
        """Compare a range, and the parts of one that differs; give the source's count."""
        table = self._table
        there = self._pool.submit(
            lambda: self._there.execute(
                _SUM.format(rows=table.rows_there(span), row=table.row())
            ).fetchone()
        )
        try:
            here = self._here.execute(
                _SUM.format(rows=table.rows_here(span), row=table.row())
            ).fetchone()
        finally:
            sums = there.result()
        assert sums is not None
        assert here is not None
        if sums != here:
            if max(sums[0], here[0]) <= _SMALLEST or span.rows <= _SMALLEST:
                self._replace(span, found, dry_run=dry_run)
                found.ranges.append(span)
            else:
                for part in self._spans(span):
                    self._look_into(part, found, dry_run=dry_run)
        return int(sums[0])

    def _replace(self, span: Span, found: Findings, *, dry_run: bool) -> None:
        """Put the source's rows of a range in the place of ours, in one transaction."""
        table, here = self._table, self._here
        listed = ", ".join(map(quote, table.names))
        with here.transaction(force_rollback=dry_run):
            here.execute(f"CREATE TEMPORARY TABLE arriving (LIKE {table.here.sql})")
            copy = CopyOut(
                self._there,
                f"COPY ({table.rows_there(span)}) TO STDOUT",
                patience := Patience(threading.Event(), self._source.timeout),
            )
            into = f"COPY arriving ({listed}) FROM STDIN"
            copy_in(here, into, copy, patience, lambda _: None)
            self._count(span, found)
            here.execute(f"DELETE FROM {table.here.sql} WHERE {table.within(span)}")
            if table.primary_key and table.primary_key != [table.key]:
                same = self._same("t", "a")
                here.execute(
                    f"DELETE FROM {table.here.sql} AS t USING arriving AS a WHERE {same}"
                )
            here.execute(
                f"INSERT INTO {table.here.sql} ({listed}) SELECT {listed} FROM arriving"
            )
            here.execute("DROP TABLE arriving")
            changes.note(here, table.here, span.low, span.high)

    def _same(self, one: str, other: str) -> str:
        keys = self._table.primary_key
        return " AND ".join(
            f"{one}.{quote(key)} = {other}.{quote(key)}" for key in keys
        )

    def _count(self, span: Span, found: Findings) -> None:
        """Say of what kind the differences are."""
        table = self._table
        listed = ", ".join(map(quote, table.names))
        arriving = f"SELECT {listed} FROM arriving"
        ours = table.rows_here(span)
        new, old = table.row("new"), table.row("old")
        if table.primary_key:
            same = self._same(new, old)
            query = (
                f"SELECT count(*) FILTER (WHERE {old} IS NULL),"
                f" count(*) FILTER (WHERE {new} IS NULL),"
                f" count(*) FILTER (WHERE {old}::text <> {new}::text)"
                f" FROM ({arriving}) AS {new} FULL JOIN ({ours}) AS {old} ON {same}"
            )
        else:
            # Rows that nothing tells apart are missing or too many, never changed.
            source = f"SELECT {new}::text FROM ({arriving}) AS {new}"
            here = f"SELECT {old}::text FROM ({ours}) AS {old}"
            query = (
                f"SELECT (SELECT count(*) FROM ({source} EXCEPT ALL {here}) AS m),"
                f" (SELECT count(*) FROM ({here} EXCEPT ALL {source}) AS s), 0"
            )
        row = self._here.execute(query).fetchone()
        assert row is not None
        found.missing += row[0]
        found.surplus += row[1]
        found.changed += row[2]
