"""Where rows come from: the live source under its snapshot, or a dump."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg

from entrepot_core.base.errors import RunFailed
from entrepot_core.policy import columns
from entrepot_core.policy.tables import Policy, TableRule
from entrepot_core.postgres.catalog import Table
from entrepot_core.postgres.connection import explained
from entrepot_core.postgres.copy.libpq import Chunk, CopyOut, Patience, put_rows
from entrepot_core.postgres.copy.passthrough import (
    FramedCopyOut,
    passes_frames,
    put_frames,
)
from entrepot_core.postgres.identifiers import TableName, quote
from pg_replica.dump.encodings import codec
from pg_replica.dump.items import TableData, ancestors, parents, qualified_name
from pg_replica.dump.lexer import tokens
from pg_replica.dump.open import Dump
from pg_replica.dump.rows import whole_lines
from pg_replica.preflight import money
from pg_replica.source.snapshot import Snapshot
from pg_replica.warehouse.sessions import Sessions

# Below, one COPY that may FREEZE is faster than several that may not.
_SPLIT_BYTES = 1024**3
_LONGEST_REWRITTEN = 256 * 1024**2  # bytes of a row in which columns are changed


@dataclass(frozen=True)
class Feed:
    """What the warehouse is to be fed with.

    Attributes:
        into: Its `COPY … FROM STDIN`.
        options: The options of that.
        chunks: The data.
        put: How a chunk is sent.
        is_frozen: Whether the table may be emptied and filled frozen.
    """

    into: str
    options: str
    chunks: Iterator[Chunk]
    put: Callable[[Any, Any, Patience], None] = put_rows
    is_frozen: bool = True


class Stream(Protocol):
    """One COPY's worth of rows.

    Attributes:
        sent: Rows, by the sender's own count, once all chunks have been read.
    """

    sent: int

    def begin(
        self, worker: int, target: psycopg.Connection, patience: Patience
    ) -> Feed:
        """Get ready to send.

        Args:
            worker: The worker that does it.
            target: Its session on the warehouse, outside a transaction.
            patience: When to stop waiting.
        """
        ...


@dataclass
class Portion:
    """Rows of one table that one COPY carries.

    Attributes:
        table: The table.
        size: About how much, for the order of work and the display.
        whole: Whether it is the table's only portion: then it may be frozen.
        stream: The rows.
    """

    table: TableName
    size: int
    whole: bool
    stream: Stream


@dataclass
class LiveStream:
    """Rows of a table of the source."""

    snapshot: Snapshot
    sessions: Sessions
    statement: str
    into: str
    options: str
    rewrite: columns.Rewriter | None
    may_pass_frames: bool
    has_amounts: bool = False
    sent: int = -1

    def begin(
        self, worker: int, target: psycopg.Connection, patience: Patience
    ) -> Feed:
        """COPY them out under the snapshot, as frames where no connection is encrypted."""
        source = self.sessions.get(worker)
        framed = self.may_pass_frames and self.rewrite is None
        if framed:
            with explained("source"):
                framed = passes_frames(source)
                source.rollback()
            framed = framed and passes_frames(target)
        chunks = self._chunks(
            source, worker, patience, FramedCopyOut if framed else CopyOut
        )
        return Feed(self.into, self.options, chunks, put_frames if framed else put_rows)

    def _chunks(
        self,
        session: psycopg.Connection,
        worker: int,
        patience: Patience,
        kind: type[CopyOut | FramedCopyOut],
    ) -> Iterator[Chunk]:
        try:
            self.snapshot.import_into(session)
            if self.has_amounts:
                # What an amount of type money is, the database's own setting tells.
                session.execute("SET LOCAL lc_monetary TO DEFAULT")
            copy = kind(session, self.statement, patience)
            # Each message of COPY's text is one line: chunks end where lines do.
            yield from copy if self.rewrite is None else self.rewrite(copy)
            session.rollback()
            self.sent = copy.rows
        except BaseException:
            self.sessions.discard(worker)
            raise


def live_portions(
    snapshot: Snapshot,
    sessions: Sessions,
    policy: Policy,
    jobs: int,
    secret: str | None,
    routed: dict[TableName, TableName],
    *,
    may_pass_frames: bool,
) -> list[Portion]:
    """Plan the copies of a live source.

    A table of which one worker would still be copying long after the others have ended is cut
    into ranges of pages.

    Args:
        snapshot: The source, held still.
        sessions: The workers' sessions on it, not in autocommit.
        policy: The tables that stay out, and the columns.
        jobs: Number of workers.
        secret: `PSEUDONYM_SECRET`.
        routed: Tables whose rows go through another.
        may_pass_frames: Whether the protocol's messages may be passed on as they are, where no
            connection is encrypted.

    Returns:
        The portions, in any order.
    """
    is_binary_safe = snapshot.binary_safety()
    tables = [
        table for table in snapshot.tables if policy.rule(table.name).mode == "full"
    ]
    fair_share = max(_SPLIT_BYTES, sum(table.size for table in tables) // jobs)
    portions = []
    for table in tables:
        rule = policy.rule(table.name)
        names = columns.copied(table, rule)
        copy_format = columns.copy_format(table, rule, is_binary_safe)
        parts = -(-table.size // fair_share) if table.size > fair_share else 1
        for blocks in _ranges(table, parts):
            stream = LiveStream(
                snapshot,
                sessions,
                columns.copy_out_statement(table, rule, copy_format, blocks),
                _copy_into(routed.get(table.name, table.name), names),
                f"FORMAT {copy_format}",
                columns.live_rewriter(names, rule, secret)
                if rule.pseudonymised
                else None,
                may_pass_frames,
                bool(rule.amounts),
            )
            whole = parts == 1 and table.name not in routed
            portions.append(Portion(table.name, table.size // parts, whole, stream))
    return portions


def _ranges(table: Table, parts: int) -> list[tuple[int, int | None] | None]:
    if parts == 1:
        return [None]
    edges = [table.blocks * part // parts for part in range(parts)]
    return list(zip(edges, [*edges[1:], None], strict=True))


def _copy_into(table: TableName, names: list[str]) -> str:
    listed = f" ({', '.join(map(quote, names))})" if names else ""
    return f"COPY {table.sql}{listed} FROM STDIN"


@dataclass
class DumpStream:
    """Rows of a table of a dump."""

    data: TableData
    types: dict[str, str]
    rule: TableRule
    encoding: str
    secret: str | None
    into: TableName
    above: frozenset[TableName]
    sent: int = -1

    def begin(
        self, worker: int, target: psycopg.Connection, patience: Patience
    ) -> Feed:
        """Read as far as the dump's own COPY statement, which tells the columns."""
        text = self.data.copy_text()
        table, listed = self._copied(next(text, b""))
        # INSERTs without column names give all columns, in the table's order.
        names = listed or list(self.types)
        into = self.into if table == self.data.table else table
        if amounts := money.places(names, self.types):
            text = self._checked(whole_lines(text, _LONGEST_REWRITTEN), amounts)
        if self.rule.columns:
            if not set(names) <= set(self.types):
                raise RunFailed(
                    f"the dump's rows of table {self.data.table} have columns that it has not"
                )
            rewrite = columns.rewriter(names, self.types, self.rule, self.secret)
            text = rewrite(whole_lines(text, _LONGEST_REWRITTEN))
        return Feed(
            _copy_into(into, names),
            f"FORMAT text, ENCODING '{self.encoding}'",
            self._counted(text),
            is_frozen=into == self.data.table,
        )

    def _copied(self, statement: bytes) -> tuple[TableName, list[str]]:
        """Read which table and columns a COPY statement is for."""
        text = statement.decode(codec(self.encoding), errors="surrogateescape")
        found = list(tokens(text.encode(errors="surrogateescape")))
        table = qualified_name(found[1:])
        if table is None or found[0].text != b"COPY":
            raise RunFailed(
                f"the dump's rows of table {self.data.table} do not begin with COPY"
            )
        if table != self.data.table and table not in self.above:
            raise RunFailed(
                f"the dump's rows of table {self.data.table} are for table {table}"
            )
        names = [name for token in found[4:-3] if (name := token.name) is not None]
        return table, names

    def _checked(
        self, chunks: Iterator[bytes], amounts: dict[int, str]
    ) -> Iterator[bytes]:
        """Refuse amounts whose text means another amount here, or none."""
        number = 0
        for chunk in chunks:
            for line in chunk.splitlines():
                number += 1
                values = line.split(b"\t")
                for place, name in amounts.items():
                    if place < len(values) and not money.is_plain(values[place]):
                        raise RunFailed(
                            f"table {self.data.table}, line {number} of its rows, column {name}: "
                            "the amount is written in another locale than C or en_US, in which it "
                            "is another one: exclude the column in the table policy, or dump a "
                            "view of it as numeric"
                        )
            yield chunk

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[Chunk]:
        """Count the lines: COPY's text has one row a line."""
        sent = 0
        for chunk in chunks:
            sent += chunk.count(b"\n")
            yield chunk
        self.sent = sent


def dump_portions(
    dump: Dump,
    policy: Policy,
    types: dict[TableName, dict[str, str]],
    secret: str | None,
    routed: dict[TableName, TableName],
) -> list[Portion]:
    """Plan the copies of a dump.

    Args:
        dump: The dump.
        policy: The tables that stay out, and the columns.
        types: The copied columns' types by table, as `format_type` spells them, in order.
        secret: `PSEUDONYM_SECRET`.
        routed: Tables whose rows go through another.

    Returns:
        The portions, in any order.
    """
    parent = parents(dump.items)
    return [
        Portion(
            data.table,
            data.size,
            data.table in types and data.table not in routed,
            DumpStream(
                data,
                types.get(data.table, {}),
                policy.rule(data.table),
                dump.encoding,
                secret,
                routed.get(data.table, data.table),
                frozenset(ancestors(data.table, parent)),
            ),
        )
        for data in dump.data
        if policy.rule(data.table).mode == "full"
    ]
