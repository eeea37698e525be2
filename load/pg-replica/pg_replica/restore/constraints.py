"""Foreign keys and statistics, when all rows and indexes are there."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable

import psycopg

from entrepot_core.base.errors import RunFailed, TransientFailure
from entrepot_core.policy.tables import Policy
from entrepot_core.postgres.connection import one_line
from entrepot_core.postgres.copy.libpq import Stopped
from entrepot_core.postgres.identifiers import TableName, quote
from entrepot_core.warehouse.runs import Item as RecordedItem
from entrepot_core.warehouse.runs import utc_now
from pg_replica.dump.items import Item
from pg_replica.restore.context import RestoreContext
from pg_replica.restore.followable import deferrable
from pg_replica.restore.scheduler import Task
from pg_replica.restore.search_path import is_of_path

# What PostgreSQL before 18 answers to NOT VALID on a partitioned table.
_NO_NOT_VALID = (psycopg.errors.FeatureNotSupported, psycopg.errors.WrongObjectType)
_NOT_VALID = re.compile(r"( NOT VALID)?;$")


class Constraints:
    """What is added when rows and indexes are there."""

    def __init__(self, context: RestoreContext) -> None:
        """Take what the tasks share; nothing is done yet.

        Args:
            context: What all tasks of the restore share.
        """
        self._context = context
        self._not_valid_at_source: set[tuple[str | None, str]] = set()

    def add_foreign_keys(
        self,
        connection: psycopg.Connection,
        items: list[Item],
        policy: Policy,
        *,
        as_deferrable: bool,
    ) -> None:
        """Add the foreign keys NOT VALID: at once, seen by the planner and by Metabase.

        Args:
            connection: A session on the warehouse, in autocommit.
            items: The dump's foreign keys.
            policy: Tables that stay out, to or from which none is made.
            as_deferrable: Whether they are to be checked late, and to change no row.

        Raises:
            RunFailed: If one cannot be made, and the policy does not tolerate it.
        """
        for item in items:
            if "NOT VALID" in item.sql.rsplit(")", 1)[-1]:
                self._not_valid_at_source.add((item.schema, item.tag))
            ends = {item.table, item.referenced_table}
            if out := ends & set(policy.kept_out):
                names = " and ".join(sorted(str(table) for table in out))
                self._context.record.finding(
                    item.label, f"left out: the replica has no rows of {names}"
                )
                continue
            sql = deferrable(item.sql) if as_deferrable else item.sql
            try:
                self._context.builder.make(
                    connection, item, _NOT_VALID.sub(" NOT VALID;", sql)
                )
            except RunFailed as error:
                if isinstance(error.__context__, _NO_NOT_VALID):
                    self._context.record.finding(
                        item.label,
                        "validated: this PostgreSQL has no NOT VALID on partitions",
                    )
                    self._context.builder.make(connection, item, sql)
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
        self._context.crew.do(tasks)

    def _validations(self, schemas: list[str]) -> list[Task]:
        rows = self._context.sessions.get(0).execute(
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
                self._execute(self._context.sessions.get(worker), statement)
            except psycopg.Error as error:
                if self._context.patience.stop.is_set():
                    raise Stopped from None
                failure = TransientFailure if _is_lost(error) else RunFailed
                why = one_line(error, of_rows=True)
                raise failure(f"{kind.lower()} {name}: {why}") from None
            seconds = time.monotonic() - began
            self._context.record.item(RecordedItem(kind, name, started_at, seconds))

        return run

    def _execute(self, session: psycopg.Connection, statement: str) -> None:
        try:
            session.execute(statement)
        except psycopg.Error as error:
            if not self._context.path.value or not is_of_path(error):
                raise
            self._context.path.run(session, [statement.encode()])


def _is_lost(error: psycopg.Error) -> bool:
    return isinstance(error, psycopg.errors.AdminShutdown) or error.sqlstate is None
