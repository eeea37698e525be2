"""Records of one stream: checked, written as lines of COPY, handed on many at a time."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from singer_sdk import Sink
from singer_sdk.exceptions import InvalidRecord
from singer_sdk.sinks.core import JSONSchemaValidator

from entrepot_core.singer.batch import CopyFile
from entrepot_target_postgres.rows import Encoder, Landing
from entrepot_target_postgres.tables.copying import Lines
from entrepot_target_postgres.tables.shape import holds_json_text

if t.TYPE_CHECKING:
    from singer_sdk.sinks.core import BaseJSONSchemaValidator

    from entrepot_target_postgres.target import TargetPostgres

_MAX_BYTES = 8 * 1024 * 1024  # of lines that wait, by stream


class StreamSink(Sink):
    """A stream's records on their way to its table."""

    def __init__(
        self,
        target: TargetPostgres,
        stream_name: str,
        schema: dict[str, t.Any],
        key_properties: t.Sequence[str] | None,
    ) -> None:
        """Have the stream's table prepared.

        Args:
            target: The target.
            stream_name: The stream's name, and its table's.
            schema: Its JSON schema.
            key_properties: What tells its records apart.
        """
        super().__init__(target, stream_name, schema, key_properties)
        self.load = target.load_of(stream_name, self.schema, list(self.key_properties))
        names = [column.name for column in self.load.columns]
        self._known = frozenset(names)
        self._encoder = Encoder(
            stream_name,
            [self._as_described(column) for column in self.load.columns],
            drops_nul=self.config["sanitize_null_text_characters"],
        )
        self._lines = Lines(names)

    def _as_described(self, column: Landing) -> Landing:
        described = self.schema["properties"].get(column.name, {})
        return replace(
            column, is_json=column.is_json and not holds_json_text(described)
        )

    @property
    def is_full(self) -> bool:
        """Whether what waits must be written before more is read."""
        return super().is_full or self._lines.size >= _MAX_BYTES

    def get_validator(self) -> BaseJSONSchemaValidator | None:
        """Give the check of records against the schema, if the settings want it."""
        if not self.validate_schema:
            return None
        return _Validator(self.stream_name, self.schema)

    def _validate_and_parse(self, record: dict[str, t.Any]) -> dict[str, t.Any]:
        """Check the record; PostgreSQL reads the values itself, extremes included."""
        if self._validator is not None:
            self._validator.validate(record)
        if unknown := record.keys() - self._known - self._warned_missing_fields:
            self._warned_missing_fields |= unknown
            self.logger.warning(
                "stream %s: not in the schema, so left out: %s",
                self.stream_name,
                ", ".join(sorted(unknown)),
            )
        return record

    def process_record(
        self, record: dict[str, t.Any], context: dict[str, t.Any]
    ) -> None:
        """Keep a record until many are written.

        Args:
            record: The record.
            context: Of the SDK; not needed.
        """
        self.load.check(record)
        self._lines.add(self._encoder.line(record))

    def process_batch(self, context: dict[str, t.Any]) -> None:
        """Write what waits.

        Args:
            context: Of the SDK; not needed.
        """
        if self._lines.rows:
            self.load.write(self._lines)
            self._lines.clear()

    def load_file(self, file: CopyFile) -> None:
        """Write a COPY file, after the records that came before it, and remove it.

        Args:
            file: The file.
        """
        self._write_what_waits()
        self.load.write(file)
        file.path.unlink()
        self.tally_record_written(file.rows)

    def activate_version(self, new_version: int) -> None:
        """Hear that the tap has sent all records.

        Args:
            new_version: The version; there is never more than one here.
        """
        self._write_what_waits()
        self.load.activate()

    def _write_what_waits(self) -> None:
        self.process_batch({})
        self.mark_drained()


class _Validator(JSONSchemaValidator):
    """The SDK's check, whose errors name the property and the rule but print no value."""

    def __init__(self, stream: str, schema: dict[str, t.Any]) -> None:
        super().__init__(schema)
        self._stream = stream

    def validate(self, record: dict[str, t.Any]) -> None:
        for error in self.validator.iter_errors(record):
            where = ".".join(map(str, error.absolute_path)) or "the record"
            missing = [
                name
                for name in (
                    error.validator_value if error.validator == "required" else []
                )
                if name not in error.instance
            ]
            rule = (
                f"{', '.join(missing)} required"
                if missing
                else f"not as its schema says ({error.validator}: {error.validator_value})"
            )
            raise InvalidRecord(f"stream {self._stream}: {where}: {rule}", {})
