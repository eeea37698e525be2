"""Files as a Singer stream: COPY files for this project's target, records for any other."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from singer_sdk.singerlib import ActivateVersionMessage, SchemaMessage
from singer_sdk.streams import Stream

from entrepot_core.singer import keywords
from entrepot_core.singer.batch import CopyBatch, CopyFile
from entrepot_core.singer.keywords import ORIGIN, REPLACE, REPLACE_BY
from entrepot_tap_csv.plan import Plan, Source
from entrepot_tap_csv.rows import FILE

if t.TYPE_CHECKING:
    from singer_sdk.helpers._batch import BatchConfig
    from singer_sdk.helpers.types import Context

    from entrepot_tap_csv.tap import TapCsv

_FILE_SIZE = (
    4 * 1024 * 1024
)  # bytes of a COPY file, about: what the target loads meanwhile


class CsvStream(Stream):
    """The files of one definition. Each that has changed replaces its own rows.

    Args:
        tap: The tap.
        plan: What this run has to do.
    """

    replication_method = "FULL_TABLE"
    _tap: TapCsv

    def __init__(self, tap: TapCsv, plan: Plan) -> None:
        super().__init__(tap, plan.schema, plan.definition.entity)
        self.plan = plan
        self.primary_keys = plan.definition.keys

    @property
    def _replaces(self) -> bool:
        return bool(self.config["replaces_files"])

    def get_batch_config(self, config: t.Mapping[str, t.Any]) -> BatchConfig | None:
        """Give the SDK's batch settings, where COPY files are asked for.

        Args:
            config: The tap's.

        Returns:
            The settings; None where rows go as records.
        """
        return super().get_batch_config(config) if self._tap.copies else None

    def _generate_schema_messages(self) -> t.Generator[SchemaMessage, None, None]:
        """Add to each schema what no stream map knows of: types, and the parts replaced."""
        if self._tap.copies:
            messages = [
                SchemaMessage(self.name, self.plan.schema, self.primary_keys, None)
            ]
        else:
            messages = list(super()._generate_schema_messages())
        for message in messages:
            message.schema = self._completed(message.schema)
            yield message

    def _completed(self, schema: dict[str, t.Any]) -> dict[str, t.Any]:
        ours = self.plan.schema
        completed = {**schema, ORIGIN: ours[ORIGIN]}
        for name, told in completed["properties"].items():
            told.update(keywords.of(ours["properties"].get(name, {})))
        if self._replaces:
            completed[REPLACE_BY] = [FILE]
            completed[REPLACE] = [[name] for name in self.plan.replaced]
        return completed

    def _finish(self) -> None:
        """Say that everything was sent, and keep the state that is true then."""
        for source in self.plan.sources:
            self.logger.info("%s: read", source.part.name)
            self._say_forgiven(source)
        if self._replaces:
            self._tap.write_message(
                ActivateVersionMessage(self.name, self._initialized_at // 1000)
            )
        self.stream_state.update(self.plan.state)
        self.state_manager.is_flushed = False
        self._write_state_message()

    def _say_forgiven(self, source: Source) -> None:
        """Say in the log, and in Singer's metrics, what the settings have let pass."""
        if said := str(source.counts):
            self.logger.warning("%s: %s", source.part.name, said)
        for kind, count in source.counts.counts.items():
            tags = {"stream": self.name, "file": source.part.name, "kind": kind}
            self.logger.info(
                "METRIC: %s",
                json.dumps(
                    {
                        "type": "counter",
                        "metric": "forgiven",
                        "value": count,
                        "tags": tags,
                    }
                ),
            )

    # -- COPY files

    def _sync_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> None:
        """Write files, how many rows they have, and no state before the last of them."""
        with self.get_batch_counter() as batches, self.get_record_counter() as rows:
            for file in self._files():
                batches.increment()
                rows.increment(file.rows)
                self._tap.write_message(CopyBatch(self.name, file))
        self._finish()

    def _files(self) -> t.Iterator[CopyFile]:
        """Read what has changed into COPY files."""
        number = 0
        for source in self.plan.sources:
            layout = self.plan.layout(source)
            batches = map(layout.copied, self.plan.batches(source))
            is_over = False
            while not is_over:
                number += 1
                path = self._tap.spool.path(f"{self.tap_stream_id}.{number}")
                rows, is_over = _write(path, batches)
                if not rows:
                    path.unlink()
                    continue
                yield CopyFile(
                    path,
                    layout.names,
                    rows,
                    delimiter=layout.delimiter,
                    null="" if layout.null == "" else r"\N",
                )

    # -- records

    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> t.Generator[dict[str, t.Any], t.Any, t.Any]:
        """Write rows, and no state before the last of them."""
        with self.get_record_counter() as counter:
            for record in self.get_records(context):
                if write_messages and self.selected:
                    self._write_record_message(record)
                counter.increment()
                yield record
        if write_messages:
            self._finish()

    def get_records(self, context: Context | None) -> t.Iterator[dict[str, t.Any]]:
        """Read what has changed.

        Args:
            context: Not used: files are not partitioned by context.

        Yields:
            Each row.
        """
        for source in self.plan.sources:
            yield from self._rows(source)

    def _rows(self, source: Source) -> t.Iterator[dict[str, t.Any]]:
        layout = self.plan.layout(source)
        for batch in self.plan.batches(source):
            yield from layout.records(batch)


def _write(path: Path, batches: t.Iterator[tuple[bytes, int]]) -> tuple[int, bool]:
    """Fill one file; give its rows, and whether there is nothing more."""
    rows = size = 0
    with path.open("wb") as file:
        for lines, count in batches:
            file.write(lines)
            rows += count
            size += len(lines)
            if size >= _FILE_SIZE:
                return rows, False
    return rows, True
