"""A stream of an API: its windows, each of which replaces what was there of it."""

from __future__ import annotations

import typing as t

from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel

from entrepot_core.singer.keywords import REPLACE, REPLACE_BY
from entrepot_tap_rest import values
from entrepot_tap_rest.definitions import WINDOW, Definition
from entrepot_tap_rest.windows import Span

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import SchemaMessage

    from entrepot_tap_rest.reading import Reader
    from entrepot_tap_rest.tap import TapRest


class RestStream(Stream):
    """One stream.

    Args:
        tap: The tap.
        definition: What the stream is.
        reader: Reads its windows.
        spans: The windows that this run reads.
    """

    # Values have been read strictly; the SDK's own reading would bend them.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    # Said by `complete`, when all streams have been read.
    emit_activate_version_messages = False

    def __init__(
        self, tap: TapRest, definition: Definition, reader: Reader, spans: list[Span]
    ) -> None:
        self._reader = reader
        self._spans = spans
        self._constants = definition.constants
        super().__init__(tap, values.schema(definition), definition.name)
        self.primary_keys = definition.keys

    def _generate_schema_messages(self) -> t.Generator[SchemaMessage, None, None]:
        """Name the windows that are replaced, which no stream map knows of."""
        for message in super()._generate_schema_messages():
            message.schema = {
                **message.schema,
                REPLACE_BY: [WINDOW, *self._constants],
                REPLACE: [
                    [span.name, *self._constants.values()] for span in self._spans
                ],
            }
            yield message

    def get_records(self, context: Context | None) -> Iterator[dict[str, t.Any]]:
        """Read the windows.

        Args:
            context: Of the SDK; not needed.

        Yields:
            Values by column.
        """
        for span in self._spans:
            yield from self._reader.rows(span)

    def complete(self, version: int) -> None:
        """Say that all windows have been sent, and remember the last one.

        Args:
            version: Of this run.
        """
        self._write_activate_version_message(version)
        if self._spans and self._spans[-1].first is not None:
            self.stream_state["window"] = self._spans[-1].name
        self.state_manager.is_flushed = False
        self._write_state_message()
