"""An append table as a Singer stream of COPY files."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from singer_sdk.helpers._batch import BaseBatchFileEncoding, SDKBatchMessage
from singer_sdk.singerlib import SchemaMessage
from singer_sdk.streams import Stream as SingerStream

from entrepot_tap_postgres import fence
from entrepot_tap_postgres.errors import CannotContinue
from entrepot_tap_postgres.reader import CopyFile, Reader, Stream
from pg_replica import columns
from pg_replica.copy_spool import FORMAT, KEYWORD
from pg_replica.names import TableName

if t.TYPE_CHECKING:
    from singer_sdk.helpers._batch import BatchConfig
    from singer_sdk.helpers.types import Context


@dataclass(slots=True)
class PgcopyEncoding(BaseBatchFileEncoding):
    """One COPY file, and what it holds.

    Attributes:
        copy_format: COPY's own format: `binary` or `text`.
        columns: In the order of the file.
        low: The replication key above which the file has every row; None for the first.
        high: The replication key up to which, included.
        rows: How many, by the source's own count.
        last: Whether the stream has nothing more in this run.
    """

    copy_format: str = "binary"
    columns: list[str] = field(default_factory=list)
    low: str | None = None
    high: str | None = None
    rows: int = 0
    last: bool = False


class PgcopyStream(SingerStream):
    """A table of mode `incremental`, from its bookmark on."""

    replication_method = "INCREMENTAL"

    def __init__(self, tap: t.Any, catalog_entry: dict[str, t.Any]) -> None:
        """Prepare.

        Args:
            tap: The tap.
            catalog_entry: The stream's, its schema with the table's definition.
        """
        self.catalog_entry = catalog_entry
        super().__init__(tap, catalog_entry["schema"], catalog_entry["tap_stream_id"])
        self.primary_keys = self.definition["primary_key"]
        self.replication_key = self.definition["replication_key"]

    @property
    def definition(self) -> dict[str, t.Any]:
        """What the source's catalogs say of the table."""
        return self.catalog_entry["schema"][KEYWORD]

    def _generate_schema_messages(self) -> t.Generator[SchemaMessage, None, None]:
        """Give the schema as it is: stream maps cannot reach into a COPY file."""
        yield SchemaMessage(
            self.name,
            self.catalog_entry["schema"],
            self.definition["primary_key"],
            [self.definition["replication_key"]],
        )

    def _generate_batch_messages(
        self, encoding: BaseBatchFileEncoding, manifest: list[str]
    ) -> t.Generator[SDKBatchMessage, None, None]:
        yield SDKBatchMessage(stream=self.name, encoding=encoding, manifest=manifest)

    def get_records(self, context: Context | None) -> t.NoReturn:
        """Refuse what the SDK would ask for without a `batch_config`.

        Raises:
            CannotContinue: Always: rows go from COPY to COPY, and are never records.
        """
        raise CannotContinue(
            f"stream {self.name} gives COPY files only: set batch_config"
        )

    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> t.Iterable[tuple[BaseBatchFileEncoding, list[str]]]:
        """Read what is new, and move the bookmark after each batch.

        Args:
            batch_config: Where files go.
            context: Not used: a table is not partitioned by context.

        Yields:
            Each file's encoding and its URL.
        """
        tap, reading = self._tap, self._reading()
        reader = Reader(
            tap.source, reading, tap.config["jobs"], tap.config["lock_timeout"]
        )
        try:
            yield from self._read(reader, reading)
        finally:
            reader.close()

    def _read(
        self, reader: Reader, reading: Stream
    ) -> t.Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        config, state = self._tap.config, self.stream_state
        first = reader.look()
        reader.wait_for(first.xmax, config["fence_wait"])
        held = reader.hold()
        marks = fence.noted(fence.marks_of(state.get("fence", [])), first, held)
        bookmark = self._bookmark(reader, held, marks)
        low = bookmark and reader.before(bookmark, self._tap.rule(self._table).lookback)
        settled = reader.greatest(
            [*fence.settled(marks, held), *filter(None, [bookmark])]
        )
        previous: CopyFile | None = None
        for file in reader.files(
            reader.ranges(low, config["batch_rows"]), self._tap.spool
        ):
            if previous:
                yield self._batch(reader, reading, previous, settled, last=False)
            previous = file
        left = fence.waiting(marks, held)
        state["fence"] = [[mark.xmax, mark.top] for mark in left]
        if left:
            self._report_waiting(held, left, settled)
        if previous:
            yield self._batch(reader, reading, previous, settled, last=True)
        else:
            yield PgcopyEncoding(FORMAT, last=True), []

    @property
    def _table(self) -> TableName:
        return TableName(self.definition["schema"], self.definition["table"])

    def _reading(self) -> Stream:
        tap, definition = self._tap, self.definition
        table, rule = tap.table(self._table), tap.rule(self._table)
        names = columns.copied(table, rule)
        key = definition["replication_key"]
        return Stream(
            self._table,
            key,
            next(c["type"] for c in definition["columns"] if c["name"] == key),
            names,
            columns.chosen(names, rule),
            columns.copy_format(table, rule, tap.is_binary_safe),
            tap.secret if "pseudonymise" in rule.columns.values() else None,
        )

    def _bookmark(
        self, reader: Reader, held: fence.Look, marks: list[fence.Mark]
    ) -> str | None:
        """Choose the lower of what Meltano's state and the warehouse say, or start anew.

        Raises:
            CannotContinue: If the source does not go on from there.
        """
        state = self.stream_state.get("replication_key_value")
        positions = self._tap.positions
        known = positions.get(self.name) if positions is not None else state
        if state is None or known is None:
            return None
        bookmark = reader.least([str(state), str(known)])
        if held.top is None or reader.greatest([bookmark, held.top]) != held.top:
            raise CannotContinue(
                f"table {self._table}: the bookmark {bookmark} is ahead of the source (greatest "
                f"{self.definition['replication_key']}: {held.top}): rows were deleted there, or "
                "it was restored from a backup. To load the table again from its first row, "
                "drop it in the warehouse"
            )
        if newer := [mark for mark in marks if mark.xmax > held.xmax]:
            raise CannotContinue(
                f"table {self._table}: the source's transactions have gone back (from "
                f"{newer[0].xmax} to {held.xmax}): it is another server than last time. To load "
                "the table again from its first row, drop it in the warehouse"
            )
        return bookmark

    def _batch(
        self,
        reader: Reader,
        reading: Stream,
        file: CopyFile,
        settled: str | None,
        *,
        last: bool,
    ) -> tuple[PgcopyEncoding, list[str]]:
        """Write a batch's message, and the state that is true once it is loaded."""
        encoding = PgcopyEncoding(
            FORMAT,
            copy_format=reading.copy_format,
            columns=reading.names,
            low=file.covers.low,
            high=file.covers.high,
            rows=file.rows,
            last=last,
        )
        if settled is not None:
            state = self.stream_state
            reached = reader.least([file.covers.high, settled])
            state["replication_key"] = self.definition["replication_key"]
            known = state.get("replication_key_value")
            state["replication_key_value"] = (
                reader.greatest([reached, str(known)]) if known is not None else reached
            )
        self.logger.info(
            "%s: %d rows up to %s %s",
            self.name,
            file.rows,
            self.definition["replication_key"],
            file.covers.high,
        )
        return encoding, [file.path.as_uri()]

    def _report_waiting(
        self, held: fence.Look, left: list[fence.Mark], settled: str | None
    ) -> None:
        self.logger.warning(
            "%s: transaction %d, still open on the source, holds the bookmark at %s instead of "
            "%s: what is above is read again next time",
            self.name,
            held.xmin,
            settled,
            left[-1].top,
        )
