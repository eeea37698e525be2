"""The target: MeltanoLabs' own, and COPY files for streams that carry their table's definition."""

from __future__ import annotations

import os
import typing as t
from importlib import resources
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
from singer_sdk import typing as th
from target_postgres.target import TargetPostgres as MeltanoLabsTarget

from entrepot_target_postgres.append_table import AppendTable, Batch
from entrepot_target_postgres.errors import AnotherLoad, CannotLoad
from entrepot_target_postgres.sinks import Sink
from pg_replica.connection import Database
from pg_replica.copy_spool import FORMAT, KEYWORD, remove_if_empty
from pg_replica.lock import APPEND_KEY
from pg_replica.plugin_config import from_variables, loaded
from pg_replica.schemas import Naming

_VARIABLES = {
    "replica_schema": "REPLICA_SCHEMA",
    "internal_reader": "INTERNAL_READER",
    "network_timeout": "NETWORK_TIMEOUT",
}
_SETTINGS = th.PropertiesList(
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
        description="The role that is given the right to read append tables.",
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
).to_dict()["properties"]


class TargetPostgres(MeltanoLabsTarget):
    """Singer target for PostgreSQL.

    A stream whose schema carries the definition of its table is loaded from COPY files; any other
    as MeltanoLabs' target does, with its name kept whole.
    """

    package_name = "entrepot-target-postgres"
    default_sink_class = Sink
    config_jsonschema: t.ClassVar[dict] = {
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
        self._tables: dict[str, AppendTable] = {}
        self._folders: set[Path] = set()
        self._lock: psycopg.Connection | None = None

    def _warehouse(self) -> Database:
        url = self._url or self.config["sqlalchemy_url"].replace("+psycopg", "", 1)
        return Database("warehouse", url, self.config["network_timeout"])

    def _process_schema_message(self, message_dict: dict) -> None:
        definition = message_dict["schema"].get(KEYWORD)
        if definition is None:
            super()._process_schema_message(message_dict)
            return
        stream = message_dict["stream"]
        self._begin()
        naming = Naming(self.config["replica_schema"])
        table = AppendTable(self._warehouse(), stream, definition, naming)
        if clash := [
            name
            for name, other in self._tables.items()
            if other.name == table.name and name != stream
        ]:
            raise CannotLoad(
                f"streams {clash[0]} and {stream} would share the table {table.name}: give one of "
                "them another mode in extract/tables.yml"
            )
        if stream in self._tables:  # a deploy has changed it while it was read
            self._tables.pop(stream).close()
        table.prepare()
        self._tables[stream] = table

    def _begin(self) -> None:
        """Take the lock, and make what all append tables need, once."""
        if self._lock is not None:
            return
        self._lock = self._warehouse().connect(purpose="target lock")
        row = self._lock.execute(
            "SELECT pg_catalog.pg_try_advisory_lock(%s)", [APPEND_KEY]
        ).fetchone()
        if row != (True,):
            raise AnotherLoad(
                "another load of append tables is under way in this warehouse: wait for its end"
            )
        script = resources.files("entrepot_target_postgres").joinpath("positions.sql")
        self._lock.execute(script.read_text(encoding="utf-8"))  # type: ignore[call-overload]
        schema = Naming(self.config["replica_schema"]).incremental
        self._lock.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')

    def _process_batch_message(self, message_dict: dict) -> None:
        encoding = message_dict["encoding"]
        if encoding["format"] != FORMAT:
            super()._process_batch_message(message_dict)
            return
        table = self._tables[message_dict["stream"]]
        for url in message_dict["manifest"]:
            path = Path(unquote(urlsplit(url).path))
            table.load(
                Batch(
                    path,
                    encoding["copy_format"],
                    encoding["columns"],
                    encoding.get("low"),
                    encoding["high"],
                    encoding["rows"],
                    encoding.get("settled"),
                )
            )
            self._folders.add(path.parent)
        if encoding["last"]:
            table.settle(encoding.get("settled"))
            table.finish(self.config["index_jobs"], self.config["internal_reader"])

    def process_endofpipe(self) -> None:
        """Leave nothing behind."""
        super().process_endofpipe()
        for table in self._tables.values():
            table.close()
        for folder in self._folders:
            remove_if_empty(folder)
        if self._lock is not None:
            self._lock.close()

    def _process_state_message(self, message_dict: dict) -> None:
        """Pass the state on at once when all that it speaks of is committed."""
        super()._process_state_message(message_dict)
        if self._latest_state and not any(
            sink.current_size for sink in self._sinks_active.values()
        ):
            self._write_state_message(self._latest_state)


def _with_driver(url: str) -> str:
    """Name psycopg in a libpq URL, as SQLAlchemy wants."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg{separator}{rest}" if "+" not in scheme else url
