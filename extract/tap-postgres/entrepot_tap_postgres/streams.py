"""An append table as a Singer stream, of COPY files or of records."""

from __future__ import annotations

import json
import typing as t
from abc import abstractmethod
from dataclasses import dataclass, field, replace

from singer_sdk.helpers._batch import BaseBatchFileEncoding, SDKBatchMessage
from singer_sdk.singerlib import SchemaMessage
from singer_sdk.streams import Stream as SingerStream

from entrepot_core.policy import columns
from entrepot_core.postgres.identifiers import TableName
from entrepot_core.postgres.snapshot import GaveWay, Limits
from entrepot_core.singer.spool import FORMAT, path_of
from entrepot_tap_postgres import fence, relation
from entrepot_tap_postgres.errors import CannotContinue
from entrepot_tap_postgres.keys import Key
from entrepot_tap_postgres.reader import CopyFile, Reader, Stream

if t.TYPE_CHECKING:
    from singer_sdk.helpers._batch import BatchConfig
    from singer_sdk.helpers.types import Context

    from entrepot_tap_postgres.tap import TapPostgres


_TRIES = 3  # snapshots in which not one file could be read


@dataclass(slots=True)
class CopyEncoding(BaseBatchFileEncoding):
    """One COPY file, and what it holds.

    Attributes:
        copy_format: COPY's own format: `binary` or `text`.
        columns: In the order of the file.
        low: The replication key above which the file has every row; None for the first.
        high: The replication key up to which, included.
        rows: How many, by the source's own count.
        settled: The replication key up to which, with this file, the warehouse holds every row
            that there will ever be: the bookmark; None while there is none.
        last: Whether the stream has nothing more in this run.
    """

    copy_format: str = "binary"
    columns: list[str] = field(default_factory=list)
    low: str | None = None
    high: str | None = None
    rows: int = 0
    settled: str | None = None
    last: bool = False


@dataclass(frozen=True)
class Position:
    """How far the warehouse holds a table.

    Attributes:
        high: The greatest replication key, as text.
        key: The column that was the replication key.
        numbers: The source's number of each column, by the name that it had.
    """

    high: str
    key: str
    numbers: dict[str, int]


class AppendStream(SingerStream):
    """A table of mode `incremental`, from its bookmark on.

    Args:
        tap: The tap.
        definition: What the source's catalogs say of the table.
    """

    replication_method = "INCREMENTAL"

    _tap: TapPostgres

    def __init__(self, tap: TapPostgres, definition: dict[str, t.Any]) -> None:
        self.definition = definition
        name = f"{definition['schema']}-{definition['table']}"
        super().__init__(tap, self._described(definition), name)
        self.primary_keys = definition["primary_key"]
        self.replication_key = definition["replication_key"]

    @staticmethod
    @abstractmethod
    def _described(definition: dict[str, t.Any]) -> dict[str, t.Any]:
        """Write the JSON schema."""

    def entry(self) -> dict[str, t.Any]:
        """Write the stream's entry in a catalogue, where the table policy has selected it."""
        keys, key = self.definition["primary_key"], self.definition["replication_key"]
        metadata = {
            "inclusion": "available",
            "selected": True,
            "schema-name": self.definition["schema"],
            "table-key-properties": keys,
            "replication-key": key,
        }
        return {
            "tap_stream_id": self.name,
            "stream": self.name,
            "table_name": self.definition["table"],
            "replication_method": "INCREMENTAL",
            "replication_key": key,
            "key_properties": keys,
            "schema": self._described(self.definition),
            "metadata": [{"breadcrumb": [], "metadata": metadata}],
        }

    def _new_files(self) -> t.Iterator[tuple[CopyEncoding, list[str]]]:
        """Read what is new, and move the bookmark with each file."""
        config = self._tap.config
        limits = Limits(
            float(config["lock_timeout"]),
            float(config["lock_budget"]),
            float(config["snapshot_limit"]),
        )
        reader = Reader(self._tap.source, self._reading(), config["jobs"], limits)
        try:
            yield from self._read(reader)
        finally:
            reader.close()

    @abstractmethod
    def _positions(self) -> dict[str, Position] | None:
        """How far the warehouse is by its own account; None when only the state knows."""

    def _forget_another_key(self) -> None:
        """Begin anew where the bookmark is of another column, unless that is only renamed."""
        state, key = self.stream_state, self.definition["replication_key"]
        former = state.get("replication_key", key)
        position = (self._positions() or {}).get(self.name)
        number = next(
            c["number"] for c in self.definition["columns"] if c["name"] == key
        )
        if former == key or (position and position.numbers.get(former) == number):
            return
        self.logger.warning(
            "%s: the replication key is %s now, no more %s: the table is read from its first row",
            self.name,
            key,
            former,
        )
        for name in ("replication_key", "replication_key_value", "fence"):
            state.pop(name, None)

    @abstractmethod
    def _follow(self, definition: dict[str, t.Any]) -> None:
        """Go on with a table that a deploy has just changed."""

    def _read(self, reader: Reader) -> t.Iterator[tuple[CopyEncoding, list[str]]]:
        self._forget_another_key()
        state = self.stream_state
        first = reader.look()
        reader.wait_for(first.xmax, self._tap.config["fence_wait"])
        held = self._hold(reader)
        marks = fence.noted(fence.marks_of(state.get("fence", [])), first, held)
        bookmark = self._bookmark(reader, held, marks)
        if bookmark is not None:
            # The warehouse may know less than the state.
            state["replication_key_value"] = bookmark
        settled = reader.greatest(
            [*fence.settled(marks, held), *filter(None, [bookmark])]
        )
        for file in self._files(reader, bookmark and reader.before(bookmark)):
            yield self._batch(reader, file, settled)
        left = fence.waiting(marks, held)
        state["fence"] = [[mark.xmax, mark.top] for mark in left]
        if left:
            self._report_waiting(held, left, settled)
        if reader.hidden:
            self.logger.warning(
                "%s: when %d transactions of other roles began cannot be seen: rows that such a "
                "one writes are only read if it began less than the lookback before; make the "
                "role a member of pg_read_all_stats",
                self.name,
                reader.hidden,
            )
        if settled is not None and held.top is not None:
            # All that was found has been read, or there was nothing.
            self._move(reader, settled)
        yield (
            CopyEncoding(FORMAT, settled=state.get("replication_key_value"), last=True),
            [],
        )

    def _hold(self, reader: Reader) -> fence.Look:
        """Hold the source still, and follow what a deploy has made of the table meanwhile."""
        held = reader.hold()
        definition = self._tap.definition_now(self._table)
        if definition != self.definition:
            self._follow(definition)
            reader.stream = self._reading()
            self.logger.warning("%s: the source's table has just changed", self.name)
        return held

    def _files(self, reader: Reader, low: str | None) -> t.Iterator[CopyFile]:
        """Read on in new snapshots when one is lost: what is read is read, in any of them.

        The bookmark stays that of the first, which the later ones include.

        Yields:
            Each file, once it is whole.

        Raises:
            CannotContinue: If no file can be read in several snapshots.
        """
        fruitless, rows = 0, self._tap.config["batch_rows"]
        while True:
            try:
                for file in reader.files(low, rows, self._tap.spool):
                    fruitless, low = 0, file.covers.high
                    yield file
            except GaveWay as reason:
                fruitless += 1
                if fruitless == _TRIES:
                    raise CannotContinue(
                        f"table {self._table}: {reason}, {_TRIES} times without a file read "
                        "meanwhile: set a smaller batch_rows, or run again when the source is "
                        "less busy"
                    ) from None
                self.logger.warning(
                    "%s: %s: going on from %s in a new one", self.name, reason, low
                )
                self._hold(reader)
            else:
                return

    @property
    def _table(self) -> TableName:
        return TableName(self.definition["schema"], self.definition["table"])

    def _reading(self) -> Stream:
        tap, definition = self._tap, self.definition
        rule = tap.rule(self._table)
        copied = [c for c in definition["columns"] if not c["generated"]]
        names = [column["name"] for column in copied]
        key = definition["replication_key"]
        column = next(c for c in definition["columns"] if c["name"] == key)
        return Stream(
            self._table,
            Key(key, column["type"], column["base"], rule.lookback),
            names,
            columns.chosen(names, rule),
            "binary" if all(column["binary"] for column in copied) else "text",
            tap.secret if "pseudonymise" in rule.columns.values() else None,
        )

    def _bookmark(
        self, reader: Reader, held: fence.Look, marks: list[fence.Mark]
    ) -> str | None:
        """Choose the lower of what Meltano's state and the warehouse say, or start anew.

        Returns:
            The bookmark as text; None for the first row on.

        Raises:
            CannotContinue: If the source does not go on from there.
        """
        state = self.stream_state.get("replication_key_value")
        known, positions = state, self._positions()
        if positions is not None:
            position = positions.get(self.name)
            known = position and position.high
        if state is None or known is None:
            return None
        bookmark = reader.least([str(state), str(known)])
        assert bookmark is not None
        first = reader.before(bookmark)
        if held.top is None or reader.greatest([first, held.top]) != held.top:
            raise CannotContinue(
                f"table {self._table}: the bookmark {bookmark} is ahead of the source (greatest "
                f"{self.definition['replication_key']}: {held.top}): rows were deleted there, or "
                f"it was restored from a backup. {self._advice}"
            )
        if newer := [mark for mark in marks if mark.xmax > held.xmax]:
            raise CannotContinue(
                f"table {self._table}: the source's transactions have gone back (from "
                f"{newer[0].xmax} to {held.xmax}): it is another server than last time. "
                f"{self._advice}, and remove its bookmark from the state"
            )
        return bookmark

    @property
    def _advice(self) -> str:
        return (
            f"To make the warehouse's rows the source's again: pg-replica audit --all --table "
            f"'{self._table}'"
        )

    def _batch(
        self, reader: Reader, file: CopyFile, settled: str | None
    ) -> tuple[CopyEncoding, list[str]]:
        """Write a batch's message, and the state that is true once it is loaded."""
        if settled is not None:
            reached = reader.least([file.covers.high, settled])
            assert reached is not None
            self._move(reader, reached)
        self.logger.info(
            "%s: %d rows up to %s %s",
            self.name,
            file.rows,
            self.definition["replication_key"],
            file.covers.high,
        )
        encoding = CopyEncoding(
            FORMAT,
            copy_format=reader.stream.copy_format,
            columns=reader.stream.names,
            low=file.covers.low,
            high=file.covers.high,
            rows=file.rows,
            settled=self.stream_state.get("replication_key_value"),
        )
        return encoding, [file.path.as_uri()]

    def _move(self, reader: Reader, reached: str) -> None:
        """Move the bookmark, never back."""
        state = self.stream_state
        known = state.get("replication_key_value")
        state["replication_key"] = self.definition["replication_key"]
        state["replication_key_value"] = (
            reader.greatest([reached, str(known)]) if known is not None else reached
        )

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


class CopyStream(AppendStream):
    """The table's rows as COPY files."""

    @staticmethod
    def _described(definition: dict[str, t.Any]) -> dict[str, t.Any]:
        return relation.json_schema(definition)

    def _generate_schema_messages(self) -> t.Generator[SchemaMessage, None, None]:
        """Give the schema as it is: stream maps cannot reach into a COPY file."""
        yield SchemaMessage(
            self.name,
            self._described(self.definition),
            self.definition["primary_key"],
            [self.definition["replication_key"]],
        )

    def _generate_batch_messages(
        self, encoding: BaseBatchFileEncoding, manifest: list[str]
    ) -> t.Generator[SDKBatchMessage, None, None]:
        yield SDKBatchMessage(stream=self.name, encoding=encoding, manifest=manifest)

    def get_records(self, context: Context | None) -> t.NoReturn:
        """Refuse: rows go from COPY to COPY, and are never records.

        Raises:
            CannotContinue: Always.
        """
        raise CannotContinue(f"stream {self.name} gives COPY files only")

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
        yield from self._new_files()

    def _positions(self) -> dict[str, Position] | None:
        return self._tap.positions

    def _follow(self, definition: dict[str, t.Any]) -> None:
        self.definition = definition
        self._write_schema_message()


class RecordStream(AppendStream):
    """The table's rows as records, for any target: they are read from the same files."""

    @staticmethod
    def _described(definition: dict[str, t.Any]) -> dict[str, t.Any]:
        return relation.record_schema(definition)

    def _reading(self) -> Stream:
        reading = super()._reading()
        one_object = relation.as_record(self.definition, reading.chosen)
        return replace(reading, chosen=one_object, copy_format="text")

    def get_records(self, context: Context | None) -> t.Iterator[dict[str, t.Any]]:
        """Read what is new.

        Args:
            context: Not used: a table is not partitioned by context.

        Yields:
            Each row.
        """
        for _, manifest in self._new_files():
            yield from _records(manifest)

    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> t.Generator[dict[str, t.Any], t.Any, t.Any]:
        """Write rows, and after each file the state: the SDK's own would outrun the fence."""
        for _, manifest in self._new_files():
            for record in _records(manifest):
                if write_messages:
                    self._write_record_message(record)
                yield record
            if write_messages:
                self._write_state_message()

    def _positions(self) -> None:
        """Only the state knows: the target may be any."""

    def _follow(self, definition: dict[str, t.Any]) -> t.NoReturn:
        raise CannotContinue(
            f"table {self._table}: a deploy has just changed it: run again"
        )


def _records(manifest: list[str]) -> t.Iterator[dict[str, t.Any]]:
    """Read the rows of files of one JSON column, and remove each file."""
    for url in manifest:
        path = path_of(url)
        with path.open("rb") as lines:
            for line in lines:
                text = columns.unescaped(line.removesuffix(b"\n"))
                yield json.loads(text)
        path.unlink()
