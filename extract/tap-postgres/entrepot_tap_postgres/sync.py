"""One table from its bookmark on: batches, and the state that is true once they are loaded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from entrepot_core.postgres.connection import Database
from entrepot_core.postgres.identifiers import TableName
from entrepot_core.postgres.snapshot import GaveWay, Limits
from entrepot_core.singer.batch import CopyBatch
from entrepot_core.singer.spool import Spool
from entrepot_core.singer.table_definition import TableDefinition
from entrepot_tap_postgres import fence
from entrepot_tap_postgres.errors import CannotContinue
from entrepot_tap_postgres.query import Query
from entrepot_tap_postgres.reader import Reader

_TRIES = 3  # snapshots in which not one file could be read
_BOOKMARK = ("replication_key", "replication_key_value", "fence")

_logger = logging.getLogger("tap-postgres")


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


@dataclass(frozen=True)
class Options:
    """Settings of the tap that reading a table needs.

    Attributes:
        jobs: Ranges read at once.
        batch_rows: Rows in a file, about.
        fence_wait: Seconds to wait for transactions that are open on the source.
        limits: What the source may bear.
    """

    jobs: int
    batch_rows: int
    fence_wait: float
    limits: Limits


class Stream(Protocol):
    """What a sync needs of its stream.

    Attributes:
        name: The stream's name.
        definition: The table's, kept as it is now.
        stream_state: The stream's bookmark, which a sync moves.
    """

    name: str
    definition: TableDefinition

    @property
    def stream_state(self) -> MutableMapping[str, Any]: ...  # noqa: D102

    def query(self) -> Query:
        """Say what is read of the table as it is now."""

    def follow(self, definition: TableDefinition) -> None:
        """Go on with a table that a deploy has just changed."""


class TableSync:
    """Reads what is new in a table; it connects to the source, and holds nothing yet.

    Args:
        stream: The table's stream.
        source: The source.
        spool: Where files go.
        options: Settings.
        position: How far the warehouse is by its own account; None for not at all.
        knows_positions: Whether that account counts; otherwise only the state knows.
    """

    def __init__(
        self,
        stream: Stream,
        source: Database,
        spool: Spool,
        options: Options,
        position: Position | None,
        *,
        knows_positions: bool,
    ) -> None:
        self._stream = stream
        self._spool = spool
        self._options = options
        self._position = position
        self._knows_positions = knows_positions
        self._reader = Reader(source, stream.query(), options.jobs, options.limits)

    def close(self) -> None:
        """Let the source go."""
        self._reader.close()

    @property
    def _state(self) -> MutableMapping[str, Any]:
        return self._stream.stream_state

    @property
    def _table(self) -> TableName:
        return self._reader.query.table

    def batches(
        self, definition_now: Callable[[TableName], TableDefinition]
    ) -> Iterator[CopyBatch]:
        """Read what is new, and move the bookmark with each file.

        Args:
            definition_now: Reads a table's definition from the catalogs.

        Yields:
            Each batch, and at the end one without a file.

        Raises:
            CannotContinue: If the source does not go on from the bookmark.
        """
        self._forget_another_key()
        state, reader, name = self._state, self._reader, self._stream.name
        first = reader.look()
        reader.wait_for(first.xmax, self._options.fence_wait)
        held = self._hold(definition_now)
        marks = fence.noted(fence.marks_of(state.get("fence", [])), first, held)
        bookmark = self._bookmark(held, marks)
        if bookmark is not None:
            # The warehouse may know less than the state.
            state["replication_key_value"] = bookmark
        settled = reader.greatest(
            [*fence.settled(marks, held), *filter(None, [bookmark])]
        )
        low = bookmark and reader.before(bookmark)
        for batch in self._files(low, definition_now):
            yield self._settled(batch, settled)
        left = fence.waiting(marks, held)
        state["fence"] = [[mark.xmax, mark.top] for mark in left]
        if left:
            self._report_waiting(held, left, settled)
        if reader.hidden:
            _logger.warning(
                "%s: when %d transactions of other roles began cannot be seen: rows that such a "
                "one writes are only read if it began less than the lookback before; make the "
                "role a member of pg_read_all_stats",
                name,
                reader.hidden,
            )
        if settled is not None and held.top is not None:
            # All that was found has been read, or there was nothing.
            self._move(settled)
        yield CopyBatch(name, settled=state.get("replication_key_value"), last=True)

    def _forget_another_key(self) -> None:
        """Begin anew where the bookmark is of another column, unless that is only renamed."""
        state, definition = self._state, self._stream.definition
        key, position = definition.replication_key, self._position
        former = state.get("replication_key", key)
        number = definition.key_column.number
        if former == key or (position and position.numbers.get(former) == number):
            return
        _logger.warning(
            "%s: the replication key is %s now, no more %s: the table is read from its first row",
            self._stream.name,
            key,
            former,
        )
        for name in _BOOKMARK:
            state.pop(name, None)

    def _hold(
        self, definition_now: Callable[[TableName], TableDefinition]
    ) -> fence.Look:
        """Lock the table in a new snapshot, and follow what a deploy has made of it meanwhile."""
        held = self._reader.hold()
        definition = definition_now(self._table)
        if definition != self._stream.definition:
            self._stream.follow(definition)
            self._reader.query = self._stream.query()
            _logger.warning(
                "%s: the source's table has just changed", self._stream.name
            )
        return held

    def _files(
        self,
        low: str | None,
        definition_now: Callable[[TableName], TableDefinition],
    ) -> Iterator[CopyBatch]:
        """Read on in new snapshots when one is lost: what is read is read, in any of them.

        The bookmark stays that of the first, which the later ones include.

        Yields:
            Each batch, once its file is whole.

        Raises:
            CannotContinue: If no file can be read in several snapshots.
        """
        fruitless, rows = 0, self._options.batch_rows
        while True:
            try:
                for batch in self._reader.files(low, rows, self._spool):
                    assert batch.covers is not None
                    fruitless, low = 0, batch.covers.high
                    yield batch
            except GaveWay as reason:
                fruitless += 1
                if fruitless == _TRIES:
                    raise CannotContinue(
                        f"table {self._table}: {reason}, {_TRIES} times without a file read "
                        "meanwhile: set a smaller batch_rows, or run again when the source is "
                        "less busy"
                    ) from None
                _logger.warning(
                    "%s: %s: going on from %s in a new one",
                    self._stream.name,
                    reason,
                    low,
                )
                self._hold(definition_now)
            else:
                return

    def _bookmark(self, held: fence.Look, marks: list[fence.Mark]) -> str | None:
        """Choose the lower of what Meltano's state and the warehouse say, or start anew.

        Returns:
            The bookmark, as text; None for the first row on.

        Raises:
            CannotContinue: If the source does not go on from there.
        """
        reader = self._reader
        state = known = self._state.get("replication_key_value")
        if self._knows_positions:
            known = self._position and self._position.high
        if state is None or known is None:
            return None
        bookmark = reader.least([str(state), str(known)])
        assert bookmark is not None
        first = reader.before(bookmark)
        if held.top is None or reader.greatest([first, held.top]) != held.top:
            raise CannotContinue(
                f"table {self._table}: the bookmark {bookmark} is ahead of the source (greatest "
                f"{reader.query.key.name}: {held.top}): rows were deleted there, or "
                f"it was restored from a backup. {self._advice}"
            )
        if newer := [mark for mark in marks if mark.xmax > held.xmax]:
            raise CannotContinue(
                f"table {self._table}: the source's transactions have gone back (from "
                f"{newer[0].xmax} to {held.xmax}): it is another server than last time. "
                f"{self._advice}, and remove its bookmark from the state"
            )
        return self._below_outliers(bookmark, held)

    def _below_outliers(self, bookmark: str, held: fence.Look) -> str | None:
        """Go back below numbers that lie far above all others, where rows still come."""
        if self._reader.query.key.kind != "number" or held.certain is None:
            return bookmark
        if int(bookmark) > int(held.certain):
            _logger.warning(
                "%s: few rows lie far above %s: it is read from there on",
                self._stream.name,
                held.certain,
            )
        return self._reader.least([bookmark, held.certain])

    @property
    def _advice(self) -> str:
        return (
            f"To make the warehouse's rows the source's again: pg-replica audit --all --table "
            f"'{self._table}'"
        )

    def _settled(self, batch: CopyBatch, settled: str | None) -> CopyBatch:
        """Move the bookmark to what is true once a batch is loaded, and write it in the batch."""
        covers, file = batch.covers, batch.file
        assert covers is not None
        assert file is not None
        if settled is not None:
            reached = self._reader.least([covers.high, settled])
            assert reached is not None
            self._move(reached)
        _logger.info(
            "%s: %d rows up to %s %s",
            self._stream.name,
            file.rows,
            self._reader.query.key.name,
            covers.high,
        )
        return replace(batch, settled=self._state.get("replication_key_value"))

    def _move(self, reached: str) -> None:
        """Move the bookmark, never back."""
        state = self._state
        known = state.get("replication_key_value")
        state["replication_key"] = self._stream.definition.replication_key
        state["replication_key_value"] = (
            self._reader.greatest([reached, str(known)])
            if known is not None
            else reached
        )

    def _report_waiting(
        self, held: fence.Look, left: list[fence.Mark], settled: str | None
    ) -> None:
        _logger.warning(
            "%s: transaction %d, still open on the source, holds the bookmark at %s instead of "
            "%s: what is above is read again next time",
            self._stream.name,
            held.xmin,
            settled,
            left[-1].top,
        )
