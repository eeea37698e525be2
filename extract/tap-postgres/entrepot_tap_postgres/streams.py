"""An append table as a Singer stream, of COPY files or of records."""

from __future__ import annotations

import json
import typing as t
from abc import abstractmethod
from dataclasses import replace

from singer_sdk.singerlib import SchemaMessage
from singer_sdk.streams import Stream as SingerStream

from entrepot_core.policy import columns
from entrepot_core.postgres.identifiers import TableName
from entrepot_core.postgres.snapshot import Limits
from entrepot_core.singer.batch import CopyBatch, CopyFile
from entrepot_core.singer.table_definition import TableDefinition
from entrepot_tap_postgres import relation
from entrepot_tap_postgres.errors import CannotContinue
from entrepot_tap_postgres.keys import Key
from entrepot_tap_postgres.query import Query
from entrepot_tap_postgres.sync import Options, TableSync

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers._batch import BatchConfig
    from singer_sdk.helpers.types import Context

    from entrepot_tap_postgres.tap import TapPostgres


class AppendStream(SingerStream):
    """A table of mode `incremental`, from its bookmark on."""

    replication_method = "INCREMENTAL"
    _tap: TapPostgres
    uses_positions: t.ClassVar[bool]

    def __init__(self, tap: TapPostgres, definition: TableDefinition) -> None:
        """Prepare.

        Args:
            tap: The tap.
            definition: What the source's catalogs say of the table.
        """
        self.definition = definition
        name = f"{definition.schema}-{definition.table}"
        super().__init__(tap, self._described(definition), name)
        self.primary_keys = definition.primary_key
        self.replication_key = definition.replication_key

    @staticmethod
    @abstractmethod
    def _described(definition: TableDefinition) -> dict[str, t.Any]:
        """Write the JSON schema."""

    @abstractmethod
    def follow(self, definition: TableDefinition) -> None:
        """Go on with a table that a deploy has just changed.

        Args:
            definition: The table's definition now.
        """

    def entry(self) -> dict[str, t.Any]:
        """Write the stream's entry in a catalogue, where the table policy has selected it."""
        definition = self.definition
        metadata = {
            "inclusion": "available",
            "selected": True,
            "schema-name": definition.schema,
            "table-key-properties": definition.primary_key,
            "replication-key": definition.replication_key,
        }
        return {
            "tap_stream_id": self.name,
            "stream": self.name,
            "table_name": definition.table,
            "replication_method": "INCREMENTAL",
            "replication_key": definition.replication_key,
            "key_properties": definition.primary_key,
            "schema": self._described(definition),
            "metadata": [{"breadcrumb": [], "metadata": metadata}],
        }

    @property
    def _table(self) -> TableName:
        return TableName(self.definition.schema, self.definition.table)

    def query(self) -> Query:
        """Say what is read of the table as it is now."""
        tap, definition = self._tap, self.definition
        rule = tap.rule(self._table)
        names = [column.name for column in definition.copied]
        column = definition.key_column
        is_binary = not rule.pseudonymised and all(
            each.binary for each in definition.copied
        )
        return Query(
            self.name,
            self._table,
            Key(column.name, column.type, column.base, rule.lookback),
            names,
            columns.chosen(names, rule),
            "binary" if is_binary else "text",
            columns.live_rewriter(names, rule, tap.secret)
            if rule.pseudonymised
            else None,
        )

    def _batches(self) -> Iterator[CopyBatch]:
        """Read what is new, and move the bookmark with each file."""
        tap, config = self._tap, self.config
        limits = Limits(
            float(config["lock_timeout"]),
            float(config["lock_budget"]),
            float(config["snapshot_limit"]),
        )
        options = Options(
            config["jobs"], config["batch_rows"], float(config["fence_wait"]), limits
        )
        positions = tap.positions if self.uses_positions else None
        sync = TableSync(
            self,
            tap.source,
            tap.spool,
            options,
            (positions or {}).get(self.name),
            knows_positions=positions is not None,
        )
        try:
            yield from sync.batches(tap.definition_now)
        finally:
            sync.close()


class CopyStream(AppendStream):
    """The table's rows as COPY files."""

    uses_positions = True

    @staticmethod
    def _described(definition: TableDefinition) -> dict[str, t.Any]:
        return relation.json_schema(definition)

    def _generate_schema_messages(self) -> t.Generator[SchemaMessage, None, None]:
        """Give the schema as it is: stream maps cannot reach into a COPY file."""
        definition = self.definition
        yield SchemaMessage(
            self.name,
            self._described(definition),
            definition.primary_key,
            [definition.replication_key],
        )

    def get_records(self, context: Context | None) -> t.NoReturn:
        """Refuse: rows go from COPY to COPY, and are never records.

        Raises:
            CannotContinue: Always.
        """
        raise CannotContinue(f"stream {self.name} gives COPY files only")

    def _sync_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> None:
        """Write what is new, after each file the state, and how many rows there were."""
        with self.get_batch_counter() as batches, self.get_record_counter() as rows:
            for batch in self._batches():
                batches.increment()
                rows.increment(batch.file.rows if batch.file else 0)
                self._tap.write_message(batch)
                self._write_state_message()

    def follow(self, definition: TableDefinition) -> None:
        """Go on with a table that a deploy has just changed.

        Args:
            definition: The table's definition now.
        """
        self.definition = definition
        self._write_schema_message()


class RecordStream(AppendStream):
    """The table's rows as records, for any target: they are read from the same files."""

    uses_positions = False  # only the state knows: the target may be any

    @staticmethod
    def _described(definition: TableDefinition) -> dict[str, t.Any]:
        return relation.record_schema(definition)

    def query(self) -> Query:
        """Say what is read of the table as it is now: one JSON object a row.

        Behind it come the columns to pseudonymise, NULL in the object: a field of COPY's text can
        be rewritten before the row is in any file.

        Returns:
            The query.
        """
        query, rule = super().query(), self._tap.rule(self._table)
        hidden = self._hidden()
        one_object = relation.as_record(self.definition, query.chosen, hidden)
        return replace(
            query,
            chosen=", ".join(
                [one_object, *filter(None, [columns.chosen(hidden, rule)])]
            ),
            copy_format="text",
            rewrite=columns.live_rewriter(["", *hidden], rule, self._tap.secret)
            if hidden
            else None,
        )

    def _hidden(self) -> list[str]:
        """List the columns of which a record has pseudonyms."""
        rule = self._tap.rule(self._table)
        return [
            column.name
            for column in self.definition.copied
            if column.name in rule.pseudonymised
        ]

    def get_records(self, context: Context | None) -> Iterator[dict[str, t.Any]]:
        """Read what is new.

        Args:
            context: Not used: a table is not partitioned by context.

        Yields:
            Each row.
        """
        for batch in self._batches():
            yield from _records(batch.file, self._hidden())

    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> t.Generator[dict[str, t.Any], t.Any, t.Any]:
        """Write rows, and after each file the state: the SDK's own would outrun the fence."""
        with self.get_record_counter() as rows:
            for batch in self._batches():
                for record in _records(batch.file, self._hidden()):
                    if write_messages:
                        self._write_record_message(record)
                    rows.increment()
                    yield record
                if write_messages:
                    self._write_state_message()

    def follow(self, definition: TableDefinition) -> t.NoReturn:
        """Refuse: records of another form cannot follow those that are sent.

        Raises:
            CannotContinue: Always.
        """
        table = TableName(definition.schema, definition.table)
        raise CannotContinue(f"table {table}: a deploy has just changed it: run again")


def _records(file: CopyFile | None, hidden: list[str]) -> Iterator[dict[str, t.Any]]:
    """Read the rows of a file of one JSON column and the pseudonyms behind it, and remove it."""
    if file is None:
        return
    for line in file.lines():
        first, *others = line.removesuffix(b"\n").split(b"\t")
        record = json.loads(columns.unescaped(first))
        for name, field in zip(hidden, others, strict=True):
            record[name] = None if field == columns.NULL else field.decode()
        yield record
    file.path.unlink()
