"""One append table compared with the source, range by range, and repaired.

Count and checksum of ranges of the replication key are compared on both sides; ranges that differ
are cut into smaller ones, and only the smallest are replaced, each in one transaction. The checksum
is taken under the same settings on both sides: it depends neither on the order of rows nor on the
servers' versions.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg

from entrepot_core.base.errors import TransientFailure
from entrepot_core.base.logs import event
from entrepot_core.policy import columns
from entrepot_core.postgres.connection import Database, explained
from entrepot_core.postgres.copy.libpq import CopyOut, Patience, copy_in
from entrepot_core.postgres.identifiers import literal, quote
from entrepot_core.postgres.snapshot import GaveWay, Held, Limits
from entrepot_core.warehouse import changes, deleted, references
from pg_replica.audit.model import Audited, Findings, Span
from pg_replica.audit.sums import Sums
from pg_replica.settings import Settings

_RANGE_ROWS = 100_000
_SMALLEST = 1000  # rows of a range that is replaced, not cut
_PARTS = 10  # into which a range that differs is cut
_TRIES = 3  # snapshots under which nothing could be compared


class Comparison:
    """One table, under one snapshot of the source after another."""

    def __init__(
        self, settings: Settings, source: Database, warehouse: Database, table: Audited
    ) -> None:
        self._settings = settings
        self._source = source
        self._warehouse = warehouse
        self._table = table
        self._sums = Sums(table, settings.pseudonym_secret)
        self._patience = Patience(threading.Event(), source.timeout)

    def slice(self, low: str | None, *, everything: bool, dry_run: bool) -> Findings:
        """Compare from a key on, and repair."""
        found = Findings(low=low, high=low, marks=self._table.keeps)
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

        Returns:
            The key as text; None if nothing is settled yet.
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
            query = (
                "DELETE FROM entrepot_ops.positions"
                " WHERE table_schema = %(schema)s AND stream = %(stream)s"
            )
        else:
            query = (
                "UPDATE entrepot_ops.positions SET high = %(top)s, settled ="
                f" least(settled::{kind}, %(top)s::{kind})::text"
                " WHERE table_schema = %(schema)s AND stream = %(stream)s"
                f" AND high::{kind} > %(top)s::{kind}"
            )
        row = {"schema": table.here.schema, "stream": table.stream}
        self._here.execute(query, {**row, "top": top})

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
        there = self._pool.submit(self._sums.there, self._there, span, self._patience)
        try:
            here = self._sums.here(self._here, span)
        finally:
            sums = there.result()
        if sums != here:
            if max(sums[0], here[0]) <= _SMALLEST or span.rows <= _SMALLEST:
                self._replace(span, found, dry_run=dry_run)
                found.ranges.append(span)
            else:
                for part in self._spans(span):
                    self._look_into(part, found, dry_run=dry_run)
        return sums[0]

    def _replace(self, span: Span, found: Findings, *, dry_run: bool) -> None:
        """Put the source's rows of a range in the place of ours, in one transaction."""
        table, here = self._table, self._here
        listed = ", ".join(map(quote, table.names))
        with here.transaction(force_rollback=dry_run):
            here.execute(f"CREATE TEMPORARY TABLE arriving (LIKE {table.here.sql})")
            copy = CopyOut(
                self._there,
                f"COPY ({table.rows_there(span)}) TO STDOUT",
                self._patience,
            )
            rewrite = columns.live_rewriter(
                table.names, table.rule, self._settings.pseudonym_secret
            )
            into = f"COPY arriving ({listed}) FROM STDIN"
            copy_in(here, into, rewrite(copy), self._patience, lambda _: None)
            self._count(span, found)
            keys = references.on_table(here, table.here)
            if table.keeps:
                arguments = (table.names, table.primary_key, table.within(span))
                kept = deleted.put_in_place(
                    here, table.here, "arriving", *arguments, table.rule.emptied
                )
                found.kept = kept or found.kept
            elif keys:
                arguments = (table.names, table.primary_key, table.within(span))
                kept = references.put_in_place(
                    here, table.here, "arriving", *arguments, keys
                )
                found.kept = kept or found.kept
            else:
                self._exchange(here, span, listed)
            here.execute("DROP TABLE arriving")
            changes.note(here, table.here, span.low, span.high)

    def _exchange(self, here: psycopg.Connection, span: Span, listed: str) -> None:
        """Take a range's rows away, and put those that have arrived there."""
        table = self._table
        here.execute(f"DELETE FROM {table.here.sql} WHERE {table.within(span)}")
        if table.primary_key and table.primary_key != [table.key]:
            same = self._same("t", "a")
            here.execute(
                f"DELETE FROM {table.here.sql} AS t USING arriving AS a WHERE {same}"
            )
        here.execute(
            f"INSERT INTO {table.here.sql} ({listed}) SELECT {listed} FROM arriving"
        )

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
