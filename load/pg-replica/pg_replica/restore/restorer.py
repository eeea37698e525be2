"""Rows into the landing, then indexes, constraints, foreign keys, statistics: in parallel."""

from __future__ import annotations

import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

import psycopg

from entrepot_core.base.errors import RunFailed, TransientFailure
from entrepot_core.policy.tables import Policy
from entrepot_core.postgres.connection import one_line
from entrepot_core.postgres.copy.libpq import CopyError, Patience, Stopped, copy_in
from entrepot_core.postgres.identifiers import PART, QUALIFIED, TableName, quote
from entrepot_core.warehouse.runs import Item as RecordedItem
from entrepot_core.warehouse.runs import Record, utc_now
from pg_replica.dump.items import FOREIGN_KEY, REFRESH, Item
from pg_replica.restore.index_memory import memory_of_a_sort
from pg_replica.restore.landing import Builder
from pg_replica.restore.progress import Display
from pg_replica.restore.scheduler import Crew, Task
from pg_replica.source.rows import Portion
from pg_replica.warehouse.sessions import Sessions

# Added to a copy's weight: the source is released when the last one ends.
_COPY_FIRST = 10**15
_COPY_TRIES = 3
# An index built by several processes costs half as much again, all told, as by one.
_PARALLEL_BUILD = (
    "SELECT pg_catalog.set_config(name, least(reset_val::int, %s)::text, false)"
    " FROM pg_catalog.pg_settings WHERE name = 'max_parallel_maintenance_workers'"
)
# What PostgreSQL before 18 answers to NOT VALID on a partitioned table.
_NO_NOT_VALID = (psycopg.errors.FeatureNotSupported, psycopg.errors.WrongObjectType)
_NOT_VALID = re.compile(r"( NOT VALID)?;$")
# A key as pg_dump writes it; one with options or odd names is left to its own statement.
_KEY = re.compile(
    rf"ALTER TABLE ONLY (?P<table>{QUALIFIED})\s+ADD CONSTRAINT (?P<name>{PART})"
    r" (?P<kind>PRIMARY KEY|UNIQUE) (?P<columns>\([^()]+\));\s*"
)
# A standby cancels queries that stand in the way of recovery; the snapshot may still live.
_WORTH_ANOTHER_COPY = {"40001", "57014"}


@dataclass
class Restorer:
    """Everything that the tasks share.

    Attributes:
        sessions: The workers' sessions on the warehouse, in autocommit.
        builder: Makes items.
        record: Where items' seconds go.
        display: Where progress goes.
        patience: When to stop waiting.
        crew: Who does the tasks.
        memory: What an index build may use, as PostgreSQL writes sizes.
    """

    sessions: Sessions
    builder: Builder
    record: Record
    display: Display
    patience: Patience
    crew: Crew
    memory: str
    _not_valid_at_source: set[tuple[str | None, str]] = field(default_factory=set)

    def load(
        self,
        portions: list[Portion],
        post_data: list[Item],
        policy: Policy,
        on_copied: Callable[[], None],
    ) -> None:
        """Copy all rows, and build each table's indexes once its own rows are there.

        Args:
            portions: The rows.
            post_data: The dump's items from which indexes and constraints are taken.
            policy: With the extra indexes.
            on_copied: Called once, when the last row has been copied.
        """
        copies = self._copy_tasks(portions, on_copied)
        indexes = self._index_tasks(
            post_data, policy, copies, {p.table: p.size for p in portions}
        )
        tasks = [task for group in copies.values() for task in group] + indexes
        self.display.expect(sum(portion.size for portion in portions), len(tasks))
        if not portions:
            on_copied()
        self.crew.do(tasks)

    def _copy_tasks(
        self, portions: list[Portion], on_copied: Callable[[], None]
    ) -> dict[TableName, list[Task]]:
        left, mutex = len(portions), threading.Lock()

        def action(portion: Portion) -> Callable[[int], None]:
            def copy(worker: int) -> None:
                nonlocal left
                self._copy(portion, worker)
                with mutex:
                    left -= 1
                    last = not left
                if last:
                    on_copied()

            return copy

        tasks = defaultdict(list)
        for portion in portions:
            name = f"rows of table {portion.table}"
            tasks[portion.table].append(
                Task(name, action(portion), _COPY_FIRST + portion.size)
            )
        return tasks

    def _copy(self, portion: Portion, worker: int) -> None:
        for left in reversed(range(_COPY_TRIES)):
            try:
                self._copy_once(portion, worker)
            except CopyError as error:
                self.sessions.discard(worker)
                if self.patience.stop.is_set():
                    raise Stopped from None
                if (
                    left
                    and error.side == "source"
                    and error.sqlstate in _WORTH_ANOTHER_COPY
                ):
                    continue
                raise _explained(portion.table, error) from None
            except BaseException:
                self.sessions.discard(worker)
                raise
            else:
                return

    def _copy_once(self, portion: Portion, worker: int) -> None:
        began, started_at, size = time.monotonic(), utc_now(), 0

        def count(more: int) -> None:
            nonlocal size
            size += more
            self.display.count(more)

        session = self.sessions.get(worker)
        feed = portion.stream.begin(worker, session, self.patience)
        options = feed.options
        session.execute("BEGIN")
        if portion.whole and feed.is_frozen:
            # In the transaction that empties the table, rows can be written frozen.
            session.execute(f"TRUNCATE ONLY {portion.table.sql}")
            options += ", FREEZE"
        received = copy_in(
            session,
            f"{feed.into} ({options})",
            feed.chunks,
            self.patience,
            count,
            feed.put,
        )
        if received != portion.stream.sent:
            raise RunFailed(
                f"table {portion.table}: {portion.stream.sent} rows were sent and {received} "
                "received"
            )
        session.execute("COMMIT")
        seconds = time.monotonic() - began
        self.display.item_done(received)
        self.record.item(
            RecordedItem(
                "TABLE DATA", str(portion.table), started_at, seconds, received, size
            )
        )

    def _index_tasks(
        self,
        post_data: list[Item],
        policy: Policy,
        copies: dict[TableName, list[Task]],
        sizes: dict[TableName, int],
    ) -> list[Task]:
        items = [item for item in post_data if is_parallel(item)]
        tasks = []
        for item in [*items, *_extra_indexes(policy, copies)]:
            after = set(copies.get(item.table, [])) if item.table else set()
            weight = sizes.get(item.table, 0) if item.table else 0
            made = _KEY.fullmatch(item.sql) if item.table in copies else None
            if made is None:
                tasks.append(self._index_task(item, item.sql, weight, after))
                continue
            # Built as an index it bears others beside it; the key then takes it over at once.
            assert item.table is not None
            tag = item.tag.removeprefix(f"{item.table.name} ")
            index = replace(item, kind="INDEX", tag=tag, sql=_unique_index(made))
            tasks.append(self._index_task(index, index.sql, weight, after))
            key = f"ALTER TABLE ONLY {made['table']} ADD CONSTRAINT {made['name']} {made['kind']}"
            key += f" USING INDEX {made['name']};"
            tasks.append(self._index_task(item, key, weight, {tasks[-1]}))
        return tasks

    def _index_task(
        self, item: Item, statements: str, weight: float, after: set[Task]
    ) -> Task:
        return Task(
            item.label,
            self._making(item, statements),
            weight,
            after,
            resource=item.table,
            # ALTER TABLE, also behind a CREATE INDEX, takes the table for itself.
            exclusive="ALTER TABLE" in statements,
        )

    def _making(self, item: Item, statements: str) -> Callable[[int], None]:
        def make(worker: int) -> None:
            try:
                session = self.sessions.get(worker)
                helpers = self.crew.helpers()
                session.execute(_PARALLEL_BUILD, [helpers])
                with self._memory(session, item.table, statements, helpers):
                    self.builder.make(session, item, statements)
            except psycopg.errors.QueryCanceled as error:
                if self.patience.stop.is_set():
                    raise Stopped from None
                raise RunFailed(
                    f"{item.label} was cancelled: {one_line(error)}"
                ) from None
            self.display.item_done()

        return make

    def _memory(
        self,
        session: psycopg.Connection,
        table: TableName | None,
        statements: str,
        helpers: int,
    ) -> AbstractContextManager[None]:
        """Leave all of it to what does not sort, and to helpers: each wants 32 MB of it."""
        if table is None or helpers or "USING btree" not in statements:
            return nullcontext()
        return memory_of_a_sort(session, table, self.memory)

    def add_foreign_keys(
        self, connection: psycopg.Connection, items: list[Item], policy: Policy
    ) -> None:
        """Add the foreign keys NOT VALID: at once, seen by the planner and by Metabase.

        Args:
            connection: A session on the warehouse, in autocommit.
            items: The dump's foreign keys.
            policy: Tables that stay out, to or from which none is made.
        """
        for item in items:
            if "NOT VALID" in item.sql.rsplit(")", 1)[-1]:
                self._not_valid_at_source.add((item.schema, item.tag))
            ends = {item.table, item.referenced_table}
            if out := ends & set(policy.kept_out):
                names = " and ".join(sorted(str(table) for table in out))
                self.record.finding(
                    item.label, f"left out: the replica has no rows of {names}"
                )
                continue
            try:
                self.builder.make(
                    connection, item, _NOT_VALID.sub(" NOT VALID;", item.sql)
                )
            except RunFailed as error:
                if isinstance(error.__context__, _NO_NOT_VALID):
                    self.record.finding(
                        item.label,
                        "validated: this PostgreSQL has no NOT VALID on partitions",
                    )
                    self.builder.make(connection, item)
                else:
                    raise

    def validate_and_analyze(
        self, schemas: list[str], tables: Iterable[TableName], *, validate: bool
    ) -> None:
        """Validate foreign keys, if wished, and gather the planner's statistics.

        Args:
            schemas: The landing's schemas.
            tables: The tables with rows, the biggest first.
            validate: Whether `RESTORE_FK_CONSTRAINTS` is `true`.
        """
        tasks = [
            Task(
                f"statistics of table {table}",
                self._running("STATISTICS", str(table), f"ANALYZE {table.sql}"),
                -place,
                resource=table,
                exclusive=True,
            )
            for place, table in enumerate(tables)
        ]
        if validate:
            tasks += self._validations(schemas)
        self.crew.do(tasks)

    def _validations(self, schemas: list[str]) -> list[Task]:
        rows = self.sessions.get(0).execute(
            "SELECT n.nspname, c.relname, o.conname, pg_catalog.pg_relation_size(c.oid)"
            " FROM pg_catalog.pg_constraint AS o"
            " JOIN pg_catalog.pg_class AS c ON c.oid = o.conrelid"
            " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE o.contype = 'f' AND NOT o.convalidated AND o.conparentid = 0"
            " AND n.nspname = ANY (%s)",
            [schemas],
        )
        tasks = []
        for schema, name, constraint, size in rows:
            if (schema, f"{name} {constraint}") in self._not_valid_at_source:
                continue
            table = TableName(schema, name)
            statement = (
                f"ALTER TABLE {table.sql} VALIDATE CONSTRAINT {quote(constraint)}"
            )
            action = self._running("FK VALIDATION", constraint, statement)
            tasks.append(
                Task(
                    f"foreign key {constraint}",
                    action,
                    size,
                    resource=table,
                    exclusive=True,
                )
            )
        return tasks

    def _running(self, kind: str, name: str, statement: str) -> Callable[[int], None]:
        def run(worker: int) -> None:
            began, started_at = time.monotonic(), utc_now()
            try:
                self.sessions.get(worker).execute(statement)
            except psycopg.Error as error:
                if self.patience.stop.is_set():
                    raise Stopped from None
                failure = TransientFailure if _is_lost(error) else RunFailed
                raise failure(f"{kind.lower()} {name}: {one_line(error)}") from None
            seconds = time.monotonic() - began
            self.record.item(RecordedItem(kind, name, started_at, seconds))

        return run


def _unique_index(key: re.Match[str]) -> str:
    return f"CREATE UNIQUE INDEX {key['name']} ON {key['table']} USING btree {key['columns']};"


def is_parallel(item: Item) -> bool:
    """Say whether an item may be made as soon as its table's rows are there.

    Args:
        item: A post-data item.
    """
    return item.kind in ("CONSTRAINT", "INDEX") and item.table is not None


def is_serial(item: Item) -> bool:
    """Say whether an item comes after all indexes, in the dump's order.

    Args:
        item: A post-data item.
    """
    return not is_parallel(item) and item.kind not in (FOREIGN_KEY, REFRESH)


def _extra_indexes(policy: Policy, copies: Iterable[TableName]) -> list[Item]:
    """Make items of the indexes that the policy adds."""
    return [
        Item(
            0,
            0,
            "INDEX",
            table.schema,
            name,
            f"CREATE INDEX {quote(name)} ON {table.sql} {text};",
        )
        for table in copies
        for name, text in policy.rule(table).indexes.items()
    ]


def _is_lost(error: psycopg.Error) -> bool:
    return isinstance(error, psycopg.errors.AdminShutdown) or error.sqlstate is None


def _explained(table: TableName, error: CopyError) -> RunFailed:
    message = f"table {table}: the {error.side} ended the copy: {one_line(error)}"
    state = error.sqlstate or ""
    if state == "53100":
        return RunFailed(
            message, "free space on the warehouse; the landing has been emptied"
        )
    # Lost connections, shutdowns and crashes, recovery conflicts, exhausted resources, locks.
    if not state or state[:2] in ("08", "53", "57", "40", "55"):
        return TransientFailure(message)
    return RunFailed(message)
