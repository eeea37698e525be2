"""The append tables of a run: streams that come as COPY files with their table's definition."""

from __future__ import annotations

from pathlib import Path

import psycopg

from entrepot_core.postgres.connection import Database
from entrepot_core.singer.batch import CopyBatch
from entrepot_core.singer.spool import remove_if_empty
from entrepot_core.singer.table_definition import TableDefinition
from entrepot_core.singer.validation import MalformedMessage
from entrepot_core.warehouse import locks, migrate
from entrepot_core.warehouse.schemas import Naming
from entrepot_target_postgres.append import definition as definitions
from entrepot_target_postgres.append.table import AppendTable
from entrepot_target_postgres.errors import AnotherLoad, CannotLoad


class AppendLoad:
    """What the append tables of a run share: a lock, a schema, their positions.

    Args:
        warehouse: The warehouse.
        naming: The schemas' names.
        index_jobs: Indexes built at once after a first load.
        reader: Who may read the tables.
    """

    def __init__(
        self, warehouse: Database, naming: Naming, index_jobs: int, reader: str
    ) -> None:
        self._warehouse = warehouse
        self._naming = naming
        self._index_jobs = index_jobs
        self._reader = reader
        self._tables: dict[str, AppendTable] = {}
        self._folders: set[Path] = set()
        self._lock: psycopg.Connection | None = None

    def __contains__(self, stream: str) -> bool:
        """Say whether a stream is one of them."""
        return stream in self._tables

    def add(self, stream: str, definition: TableDefinition) -> None:
        """Make a stream's table, or let it follow the source's.

        Args:
            stream: The stream's name.
            definition: What the source's catalogs say, as the tap read it.

        Raises:
            CannotLoad: If two streams would share a table, or it cannot follow.
        """
        self._begin()
        table = AppendTable(
            self._warehouse, definitions.read(stream, definition, self._naming)
        )
        if clash := [
            name
            for name, other in self._tables.items()
            if other.name == table.name and name != stream
        ]:
            raise CannotLoad(
                f"streams {clash[0]} and {stream} would share the table {table.name}: give one of "
                "them another mode in extract/tables.yml"
            )
        if stream in self._tables:  # a deploy has changed it while it was read
            self._tables.pop(stream).close()
        table.prepare()
        self._tables[stream] = table

    def _begin(self) -> None:
        """Take the lock, and make what all append tables need, once."""
        if self._lock is not None:
            return
        self._lock = self._warehouse.connect(purpose="lock")
        if holder := locks.take(self._lock, locks.APPEND):
            raise AnotherLoad(
                f"another load of append tables is under way in this warehouse ({holder}): wait "
                "for its end"
            )
        migrate.upgrade(self._lock)
        self._lock.execute(f'CREATE SCHEMA IF NOT EXISTS "{self._naming.incremental}"')

    def load(self, batch: CopyBatch) -> None:
        """Load the file of a BATCH message, in a transaction of its own.

        Args:
            batch: The message.

        Raises:
            MalformedMessage: If it does not say which rows the file has.
        """
        table = self._tables[batch.stream]
        if batch.file is not None:
            if batch.covers is None:
                raise MalformedMessage(
                    f"stream {batch.stream}, BATCH message: encoding.high is missing: a file of an "
                    "append table says of which keys it has every row"
                )
            table.load(batch.file, batch.covers, batch.settled)
            self._folders.add(batch.file.path.parent)
        if batch.last:
            table.settle(batch.settled)
            table.finish(self._index_jobs, self._reader)

    def close(self) -> None:
        """Let the warehouse go, and leave no folder behind."""
        for table in self._tables.values():
            table.close()
        for folder in self._folders:
            remove_if_empty(folder)
        if self._lock is not None:
            self._lock.close()
