"""Indexes, and the constraints that are indexes, each once its table's rows are there."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import psycopg

from entrepot_core.base.errors import RunFailed
from entrepot_core.policy.tables import Policy
from entrepot_core.postgres.connection import one_line
from entrepot_core.postgres.copy.libpq import Stopped
from entrepot_core.postgres.identifiers import PART, QUALIFIED, TableName, quote
from pg_replica.dump.items import FOREIGN_KEY, REFRESH, Item
from pg_replica.restore.context import RestoreContext
from pg_replica.restore.index_memory import memory_of_a_sort
from pg_replica.restore.scheduler import Task

# An index built by several processes costs half as much again, all told, as by one.
_PARALLEL_BUILD = (
    "SELECT pg_catalog.set_config(name, least(reset_val::int, %s)::text, false)"
    " FROM pg_catalog.pg_settings WHERE name = 'max_parallel_maintenance_workers'"
)
# A key as pg_dump writes it; one with options, odd names or WITHOUT OVERLAPS is left to its own
# statement.
_KEY = re.compile(
    rf"ALTER TABLE ONLY (?P<table>{QUALIFIED})\s+ADD CONSTRAINT (?P<name>{PART})"
    r" (?P<kind>PRIMARY KEY|UNIQUE) (?P<columns>\((?:(?! WITHOUT OVERLAPS)[^()])+\));\s*"
)


class Indexes:
    """The tasks that build indexes."""

    def __init__(self, context: RestoreContext) -> None:
        """Take what the tasks share; nothing is done yet.

        Args:
            context: What all tasks of the restore share.
        """
        self._context = context

    def tasks(
        self,
        post_data: list[Item],
        policy: Policy,
        copies: dict[TableName, list[Task]],
        sizes: dict[TableName, int],
    ) -> list[Task]:
        """Make the tasks, each of which waits for those that copy its table's rows.

        Args:
            post_data: The dump's items from which indexes and constraints are taken.
            policy: With the extra indexes.
            copies: The tasks that copy, by table.
            sizes: Bytes of each table's rows.

        Returns:
            One task for each index or constraint, two for a key.
        """
        items = [item for item in post_data if is_parallel(item, copies)]
        tasks = []
        for item in [*items, *_extra_indexes(policy, copies)]:
            after = set(copies.get(item.table, [])) if item.table else set()
            weight = sizes.get(item.table, 0) if item.table else 0
            made = _KEY.fullmatch(item.sql) if item.table in copies else None
            if made is None:
                tasks.append(self._task(item, item.sql, weight, after))
                continue
            # Built as an index it bears others beside it; the key then takes it over at once.
            assert item.table is not None
            tag = item.tag.removeprefix(f"{item.table.name} ")
            index = replace(item, kind="INDEX", tag=tag, sql=_unique_index(made))
            tasks.append(self._task(index, index.sql, weight, after))
            key = f"ALTER TABLE ONLY {made['table']} ADD CONSTRAINT {made['name']} {made['kind']}"
            key += f" USING INDEX {made['name']};"
            tasks.append(self._task(item, key, weight, {tasks[-1]}))
        return tasks

    def _task(
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
                session = self._context.sessions.get(worker)
                helpers = self._context.crew.helpers()
                session.execute(_PARALLEL_BUILD, [helpers])
                with self._sort_memory(session, item.table, statements, helpers):
                    self._context.builder.make(session, item, statements)
            except psycopg.errors.QueryCanceled as error:
                if self._context.patience.stop.is_set():
                    raise Stopped from None
                raise RunFailed(
                    f"{item.label} was cancelled: {one_line(error)}"
                ) from None
            self._context.display.item_done()

        return make

    def _sort_memory(
        self,
        session: psycopg.Connection,
        table: TableName | None,
        statements: str,
        helpers: int,
    ) -> AbstractContextManager[None]:
        """Leave all of it to what does not sort, and to helpers: each wants 32 MB of it."""
        if table is None or helpers or "USING btree" not in statements:
            return nullcontext()
        return memory_of_a_sort(session, table, self._context.memory)


def _unique_index(key: re.Match[str]) -> str:
    return f"CREATE UNIQUE INDEX {key['name']} ON {key['table']} USING btree {key['columns']};"


def is_parallel(item: Item, tables: Container[TableName]) -> bool:
    """Say whether an item may be made as soon as its table's rows are there.

    Args:
        item: A post-data item.
        tables: The tables that have rows: an index may be on a materialized view, which waits for
            keys if it groups by one.

    Returns:
        Whether it may.
    """
    return item.kind in ("CONSTRAINT", "INDEX") and item.table in tables


def is_serial(item: Item, tables: Container[TableName]) -> bool:
    """Say whether an item comes after all indexes, in the dump's order.

    Args:
        item: A post-data item.
        tables: The tables that have rows.

    Returns:
        Whether it does.
    """
    return not is_parallel(item, tables) and item.kind not in (FOREIGN_KEY, REFRESH)


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
