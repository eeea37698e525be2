"""The target: messages in, tables out."""

from __future__ import annotations

import gzip
import json
import os
import sys
import typing as t
from contextlib import ExitStack
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from singer_sdk import Target, exceptions
from singer_sdk import typing as th
from singer_sdk.helpers._batch import StorageTarget
from singer_sdk.mapper import SameRecordTransform
from sqlalchemy import make_url
from target_postgres.connector import PostgresConnector
from target_postgres.target import TargetPostgres as MeltanoLabsTarget

from entrepot_core.postgres.connection import Database
from entrepot_core.postgres.copy.libpq import CopyError
from entrepot_core.singer.batch import FORMAT, CopyBatch
from entrepot_core.singer.config import from_variables, loaded
from entrepot_core.singer.plugin import Plugin
from entrepot_core.singer.spool import remove_if_empty
from entrepot_core.singer.table_definition import TableDefinition
from entrepot_core.warehouse.schemas import Naming
from entrepot_core.warehouse.shrinking import NO_LIMIT
from entrepot_target_postgres.append.load import AppendLoad
from entrepot_target_postgres.errors import CannotLoad
from entrepot_target_postgres.loads.router import (
    APPEND,
    OVERWRITE,
    UPSERT,
    StreamLoads,
)
from entrepot_target_postgres.messages import Reader
from entrepot_target_postgres.sinks import StreamSink

if t.TYPE_CHECKING:
    from entrepot_target_postgres.loads.upsert import Load

_VARIABLES = {
    "replica_schema": "REPLICA_SCHEMA",
    "internal_reader": "INTERNAL_READER",
    "network_timeout": "NETWORK_TIMEOUT",
    "shrink_limit": "SHRINK_LIMIT",
    "accept_shrink": "ACCEPT_SHRINK",
}
_SETTINGS = th.PropertiesList(
    th.Property(
        "load_method",
        th.StringType,
        default=UPSERT,
        allowed_values=[UPSERT, APPEND, OVERWRITE],
        description="What happens to older rows: those of the same key are replaced (`upsert`), "
        "all stay (`append-only`), or the tables of all streams are replaced at once, when the "
        "tap has sent everything (`overwrite`).",
    ),
    th.Property(
        "replica_schema",
        th.StringType,
        default="pix",
        description="The live replica's schema; append tables go to <it>_incremental.",
    ),
    th.Property(
        "internal_reader",
        th.StringType,
        default="internal_reader",
        description="The role that is given the right to read the tables.",
    ),
    th.Property(
        "index_jobs", th.IntegerType, default=2, description="Indexes built at once."
    ),
    th.Property(
        "network_timeout",
        th.IntegerType,
        default=120,
        description="Seconds after which a silent network counts as cut.",
    ),
    th.Property(
        "shrink_limit",
        th.NumberType,
        default=50,
        description="Percent of its rows that a table may lose in a load that replaces it whole.",
    ),
    th.Property(
        "accept_shrink",
        th.BooleanType,
        default=False,
        description="Whether a table may lose more than that this once.",
    ),
    # Tables hold what the tap describes, and nothing else.
    th.Property("add_record_metadata", th.BooleanType, default=False),
    th.Property("activate_version", th.BooleanType, default=False),
).to_dict()["properties"]


class TargetPostgres(Plugin, MeltanoLabsTarget):
    """Singer target for PostgreSQL.

    A stream whose schema carries the definition of its table is an append table. Any other's rows
    go by COPY into the table of its name, in the way that its schema or `load_method` asks for.
    """

    package_name = "entrepot-target-postgres"
    explained = (
        CopyError,
        psycopg.Error,
        exceptions.InvalidInputLine,
        exceptions.InvalidJSONSchema,
        exceptions.InvalidRecord,
        exceptions.MissingKeyPropertiesError,
        exceptions.RecordsWithoutSchemaException,
    )
    default_sink_class = StreamSink  # type: ignore[assignment] # COPY, where the base has SQL
    message_reader_class = Reader
    get_sink = Target.get_sink
    get_sink_class = Target.get_sink_class  # type: ignore[assignment] # as above
    config_jsonschema: t.ClassVar[dict[str, t.Any]] = {
        **MeltanoLabsTarget.config_jsonschema,
        "properties": {
            **MeltanoLabsTarget.config_jsonschema["properties"],
            **_SETTINGS,
        },
    }

    def __init__(self, *, config: t.Any = None, **options: t.Any) -> None:
        """Complete the configuration by the project's own variables, which no file repeats.

        Args:
            config: As the SDK takes it: a dictionary, or paths of files.
            **options: Of the SDK.
        """
        self._url = os.environ.get("TARGET_DATABASE_URL", "")
        given = from_variables(_VARIABLES)
        if self._url:
            given["sqlalchemy_url"] = _with_driver(self._url)
        super().__init__(config={**given, **loaded(config)}, **options)
        # One session writes all streams but those by part: they take turns.
        self.max_parallelism = 1
        warehouse = self._warehouse()
        reader = self.config["internal_reader"]
        self._append = AppendLoad(
            warehouse,
            Naming(self.config["replica_schema"]),
            self.config["index_jobs"],
            reader,
        )
        schema = self.config.get("default_target_schema") or "public"
        may_lose = (
            NO_LIMIT if self.config["accept_shrink"] else self.config["shrink_limit"]
        )
        self._loads = StreamLoads(warehouse, schema, reader, may_lose)
        self._folders: set[Path] = set()
        self._passed_state: dict[str, t.Any] | None = None
        # Whether what came last is the state of a tap that has nothing under way; and whether
        # records are of versions, so that their tap will say which of them is complete.
        self._ended_well = self._has_versions = False

    def _warehouse(self) -> Database:
        url = self._url or _as_conninfo(PostgresConnector(dict(self.config)))
        return Database("warehouse", url, self.config["network_timeout"])

    def load_of(self, stream: str, schema: dict[str, t.Any], keys: list[str]) -> Load:
        """Have a stream's table prepared.

        Args:
            stream: The stream's name, after stream maps.
            schema: Its JSON schema.
            keys: Its key properties.

        Returns:
            How its rows reach the table.
        """
        return self._loads.add(stream, schema, keys, self.config["load_method"])

    def _process_record_message(self, message_dict: dict[str, t.Any]) -> None:
        self._ended_well = False
        self._has_versions = self._has_versions or "version" in message_dict
        super()._process_record_message(message_dict)

    def _process_schema_message(self, message_dict: dict[str, t.Any]) -> None:
        self._ended_well = False
        self._assert_line_requires(message_dict, requires={"stream", "schema"})
        stream = message_dict["stream"]
        definition = TableDefinition.of_schema(stream, message_dict["schema"])
        if definition is None:
            super()._process_schema_message(message_dict)
        else:
            self._append.add(stream, definition)

    def _process_batch_message(self, message_dict: dict[str, t.Any]) -> None:
        self._assert_line_requires(
            message_dict, requires={"stream", "encoding", "manifest"}
        )
        if (message_dict["encoding"] or {}).get("format") != FORMAT:
            self._load_records(message_dict)
            return
        batch = CopyBatch.from_dict(message_dict)
        if batch.stream in self._append:
            self._append.load(batch)
        else:
            self._load_file(batch)

    def _load_file(self, batch: CopyBatch) -> None:
        """Load a COPY file of a stream that carries no definition of a table."""
        self._assert_sink_exists(batch.stream)
        maps = self.mapper.stream_maps[batch.stream]
        if any(type(each) is not SameRecordTransform for each in maps):
            raise CannotLoad(
                f"stream {batch.stream} comes as COPY files, to which stream_maps cannot be "
                "applied: have the tap send it as records, or remove it from stream_maps"
            )
        if batch.file is not None:
            t.cast("StreamSink", self.get_sink(batch.stream)).load_file(batch.file)
            self._folders.add(batch.file.path.parent)

    def _load_records(self, message: dict[str, t.Any]) -> None:
        """Load files of records, one by line, as if each had come in a message of its own."""
        compression = message["encoding"].get("compression")
        for url in message["manifest"]:
            head, name = StorageTarget.split_url(url)
            with ExitStack() as stack:
                file = stack.enter_context(StorageTarget.from_url(head).open(name))
                lines: t.Iterable[bytes] = file
                if compression == "gzip":
                    lines = stack.enter_context(gzip.open(file))
                self._load_lines(message["stream"], lines)

    def _load_lines(self, stream: str, lines: t.Iterable[bytes]) -> None:
        reader = Reader()
        for line in lines:
            record = reader.deserialize_json(line.decode())
            self._process_record_message(
                {"type": "RECORD", "stream": stream, "record": record}
            )

    def _process_activate_version_message(self, message_dict: dict[str, t.Any]) -> None:
        stream = message_dict["stream"]
        if stream not in self.mapper.stream_maps:
            self._assert_sink_exists(stream)
        for stream_map in self.mapper.stream_maps[stream]:
            sink = self.get_sink(stream_map.stream_alias)
            sink.activate_version(message_dict["version"])

    def listen(self, file_input: t.IO[str] | None = None) -> None:  # type: ignore[misc] # final in the SDK, which has no hook around a whole run
        """Load all that comes.

        Args:
            file_input: Read instead of the standard input.
        """
        try:
            super().listen(file_input)
        finally:
            self.close()

    def process_endofpipe(self) -> None:
        """Put in place what waits for the end, pass the state on, and leave nothing behind."""
        super().process_endofpipe()
        self._loads.finish(ended_well=self._ended_well and not self._has_versions)
        if self._latest_state:
            self._write_state_message(self._latest_state)
        for folder in self._folders:
            remove_if_empty(folder)
        self.close()

    def close(self) -> None:
        """Let the warehouse go."""
        self._loads.close()
        self._append.close()

    def _process_state_message(self, message_dict: dict[str, t.Any]) -> None:
        """Pass the state on at once when all that it speaks of is committed."""
        super()._process_state_message(message_dict)
        self._ended_well = _has_nothing_under_way(message_dict.get("value"))
        sinks = [*self._sinks_active.values(), *self._sinks_to_clear]
        if self._latest_state and not any(sink.current_size for sink in sinks):
            self._write_state_message(self._latest_state)

    def _write_state_message(self, state: dict[str, t.Any]) -> None:
        """Pass a state on, once and only when all that it speaks of is committed."""
        if not self._loads.are_open and state != self._passed_state:
            sys.stdout.write(f"{json.dumps(state, default=str)}\n")
            sys.stdout.flush()
            self._passed_state = state


def _has_nothing_under_way(state: t.Any) -> bool:
    """Say whether a state is that of a tap between streams, as taps and their SDKs write it."""
    if not isinstance(state, dict) or state.get("currently_syncing"):
        return False
    bookmarks = state.get("bookmarks") or {}
    return isinstance(bookmarks, dict) and not any(
        isinstance(each, dict) and each.get("progress_markers")
        for each in bookmarks.values()
    )


def _with_driver(url: str) -> str:
    """Name psycopg in a libpq URL, as SQLAlchemy wants."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg{separator}{rest}" if "+" not in scheme else url


def _as_conninfo(connector: PostgresConnector) -> str:
    """Write SQLAlchemy's URL as libpq reads it."""
    url = make_url(str(connector.sqlalchemy_url))
    parts = url.translate_connect_args(username="user", database="dbname")
    options: dict[str, t.Any] = {**parts, **url.query}
    return make_conninfo(**options)
