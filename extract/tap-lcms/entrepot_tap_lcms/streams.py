"""A stream of the learning content."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib import SchemaMessage

from entrepot_core.singer import keywords
from entrepot_core.singer.keywords import INDEXES
from entrepot_tap_lcms.content import Content

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context

    from entrepot_tap_lcms.tap import TapLcms


class LcmsStream(Stream):
    """One of the eight, whole each time.

    Args:
        tap: The tap.
        content: What the stream is.
    """

    # They have been read strictly; the SDK's own reading would bend them.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    # All streams are said to be complete together, when they are.
    emit_activate_version_messages = False

    def __init__(self, tap: TapLcms, content: Content) -> None:
        self._lcms = tap
        schema = content.schema(allow_empty=tap.config["allow_empty"])
        super().__init__(tap, schema, content.name)
        self.primary_keys = ["id"]

    def _generate_schema_messages(self) -> t.Generator[SchemaMessage, None, None]:
        """Give the keywords back that the SDK takes away, where a stream map has left a column."""
        own = self.schema["properties"]
        for message in super()._generate_schema_messages():
            properties = {
                name: {**own[name], **each}
                if each.get("type") == own.get(name, {}).get("type")
                else each
                for name, each in message.schema["properties"].items()
            }
            kept = keywords.of(self.schema)
            kept[INDEXES] = [
                names for names in kept[INDEXES] if properties.keys() >= {*names}
            ]
            schema = {**message.schema, **kept, "properties": properties}
            yield replace(message, schema=schema)

    def get_records(self, context: Context | None) -> Iterator[dict[str, t.Any]]:
        """Give the records, which have all been checked.

        Args:
            context: Of the SDK; not needed.

        Yields:
            Values by column.
        """
        yield from self._lcms.reading.rows(self.name)

    def describe(self) -> None:
        """Send the stream's schema."""
        self._write_schema_message()

    def complete(self, version: int) -> None:
        """Say that all records have been sent.

        Args:
            version: Of this run.
        """
        self._write_activate_version_message(version)
