"""What is read of the source, under its snapshot: changed rows, whole tables, and all keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from entrepot_core.base.errors import RunFailed
from entrepot_core.policy import columns
from entrepot_core.postgres.connection import explained
from entrepot_core.postgres.copy.libpq import Patience, copy_in
from entrepot_core.postgres.identifiers import quote
from pg_replica.delta.working import Working, since
from pg_replica.source.origins import LiveOrigin
from pg_replica.source.rows import LiveStream
from pg_replica.warehouse.sessions import Sessions

Sum = tuple[int, str]


@dataclass(frozen=True)
class Scan:
    """Reads the source.

    Attributes:
        origin: The source, held still.
        sessions: The workers' sessions on the warehouse.
        patience: When to stop waiting.
        count: Told the bytes that were read.
        secret: `PSEUDONYM_SECRET`.
        may_pass_frames: As `live_portions` takes it.
        oldest: The horizon: rows of this transaction or a later one have changed.
        is_binary_safe: The source's types.
    """

    origin: LiveOrigin
    sessions: Sessions
    patience: Patience
    count: Callable[[int], None]
    secret: str | None
    may_pass_frames: bool
    oldest: int
    is_binary_safe: Callable[[int], bool]

    def changed_rows(self, table: Working, worker: int) -> int:
        """Stage the rows that the last night may not have seen.

        Args:
            table: The table.
            worker: The worker that does it.

        Returns:
            Their number.
        """
        return self._stage(table, worker, f" WHERE {since(self.oldest)}")

    def all_rows(self, table: Working, worker: int) -> int:
        """Stage a whole table.

        Args:
            table: The table.
            worker: The worker that does it.

        Returns:
            The number of its rows.
        """
        return self._stage(table, worker, "")

    def _stage(self, table: Working, worker: int, where: str) -> int:
        rule, names, staged = table.rule, table.copied, table.staged("rows")
        listed = ", ".join(map(quote, names))
        form = columns.copy_format(table.plan.table, rule, self.is_binary_safe)
        query = (
            f"SELECT {columns.chosen(names, rule)} FROM ONLY {table.name.sql}{where}"
        )
        session = self.sessions.get(worker)
        session.execute(f"DROP TABLE IF EXISTS {staged}")
        session.execute(
            f"CREATE UNLOGGED TABLE {staged} AS SELECT {listed} FROM ONLY {table.live.sql}"
            " WITH NO DATA"
        )
        hides = bool(rule.pseudonymised)
        stream = LiveStream(
            self.origin.snapshot,
            self.origin.sessions,
            f"COPY ({query}) TO STDOUT (FORMAT {form})",
            f"COPY {staged} ({listed}) FROM STDIN",
            f"FORMAT {form}",
            columns.live_rewriter(names, rule, self.secret) if hides else None,
            self.may_pass_frames,
            bool(rule.amounts),
        )
        rows = self._transfer(stream, worker)
        session.execute(f"ANALYZE {staged}")
        return rows

    def words(self, table: Working, worker: int) -> None:
        """Stage the set of a table's whole numbers: 64 keys a word."""
        number = table.word_key("t")
        self._figures(
            table,
            worker,
            "words",
            "word pg_catalog.int8, bits pg_catalog.int8, row_count pg_catalog.int8",
            f"SELECT k >> 6, pg_catalog.bit_or(1::int8 << (k & 63)::int4), pg_catalog.count(*)"
            f" FROM (SELECT {number} AS k FROM ONLY {table.name.sql} AS t) AS r GROUP BY 1",
        )

    def blocks(self, table: Working, worker: int) -> None:
        """Stage the number and the sum of a table's keys, by blocks."""
        key = table.hashed_key("t")
        self._figures(
            table,
            worker,
            "blocks",
            "block pg_catalog.int8, row_count pg_catalog.int8, key_sum pg_catalog.numeric",
            f"SELECT h & {table.blocks - 1}, pg_catalog.count(*), pg_catalog.sum(h)"
            f" FROM (SELECT {key} AS h FROM ONLY {table.name.sql} AS t) AS r GROUP BY 1",
        )

    def keys(self, table: Working, worker: int, blocks: list[int]) -> None:
        """Stage the keys of some blocks.

        Args:
            table: The table.
            worker: The worker that does it.
            blocks: Which.
        """
        listed = ", ".join(map(quote, table.key))
        chosen = ", ".join(f"t.{quote(name)}" for name in table.key)
        wanted = f"'{{{','.join(map(str, blocks))}}}'::int8[]"
        session = self.sessions.get(worker)
        session.execute(
            f"CREATE UNLOGGED TABLE {table.staged('keys')} AS"
            f" SELECT {listed} FROM ONLY {table.live.sql} WITH NO DATA"
        )
        query = (
            f"SELECT {chosen} FROM ONLY {table.name.sql} AS t"
            f" WHERE {table.block('t')} = ANY ({wanted})"
        )
        self._copy(f"{table.staged('keys')} ({listed})", query, "text", worker)
        session.execute(f"ANALYZE {table.staged('keys')}")

    def _figures(
        self, table: Working, worker: int, what: str, definition: str, query: str
    ) -> None:
        session = self.sessions.get(worker)
        session.execute(f"CREATE UNLOGGED TABLE {table.staged(what)} ({definition})")
        self._copy(table.staged(what), query, "binary", worker)
        session.execute(f"ANALYZE {table.staged(what)}")

    def _copy(self, into: str, query: str, form: str, worker: int) -> None:
        stream = LiveStream(
            self.origin.snapshot,
            self.origin.sessions,
            f"COPY ({query}) TO STDOUT (FORMAT {form})",
            f"COPY {into} FROM STDIN",
            f"FORMAT {form}",
            None,
            self.may_pass_frames,
        )
        self._transfer(stream, worker)

    def _transfer(self, stream: LiveStream, worker: int) -> int:
        session = self.sessions.get(worker)
        try:
            feed = stream.begin(worker, session, self.patience)
            session.execute("BEGIN")
            statement = f"{feed.into} ({feed.options})"
            received = copy_in(
                session, statement, feed.chunks, self.patience, self.count, feed.put
            )
            if received != stream.sent:
                sent = stream.sent
                raise RunFailed(f"{sent} rows were sent and {received} received")
            session.execute("COMMIT")
        except BaseException:
            self.sessions.discard(worker)
            raise
        return received

    def figures(self, table: Working, worker: int) -> tuple[int, int]:
        """Count a table's rows, and those that have changed.

        Args:
            table: The table.
            worker: The worker that does it.

        Returns:
            Both numbers.
        """
        changed = since(self.oldest)
        query = (
            f"SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE {changed})"
            f" FROM ONLY {table.name.sql}"
        )
        rows, found = self._ask(query, worker)
        return int(rows), int(found)

    def unchanged(self, table: Working, worker: int, part: int, parts: int) -> Sum:
        """Sum up a part of the rows that have not changed.

        Args:
            table: The table.
            worker: The worker that does it.
            part: Which part of the table.
            parts: Of how many.

        Returns:
            Their number, and the sum of their hashes.
        """
        query = (
            f"SELECT pg_catalog.count(*), coalesce(pg_catalog.sum({table.summed('t')}), 0)::text"
            f" FROM ONLY {table.name.sql} AS t"
            f" WHERE {table.part('t', part, parts)} AND NOT ({since(self.oldest)})"
        )
        rows, total = self._ask(query, worker)
        return int(rows), str(total)

    def _ask(self, query: str, worker: int) -> Any:
        session = self.origin.sessions.get(worker)
        try:
            with explained("source"):
                self.origin.snapshot.import_into(session)
                row = session.execute(query.encode()).fetchone()
                session.rollback()
        except BaseException:
            self.origin.sessions.discard(worker)
            raise
        return row
