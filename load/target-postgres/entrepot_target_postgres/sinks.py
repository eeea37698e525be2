"""RECORD messages, as MeltanoLabs' target loads them, under their stream's whole name."""

from __future__ import annotations

from target_postgres.sinks import PostgresSink


class Sink(PostgresSink):
    """A stream's table."""

    @property
    def table_name(self) -> str:
        """The stream's name, dashes and all: no two streams may share a table."""
        return self.stream_name

    @property
    def schema_name(self) -> str | None:
        """`default_target_schema`, and nothing guessed from the stream's name."""
        return self.config.get("default_target_schema")
