"""The tap: append tables as COPY files when `batch_config` asks for them, else as records."""

from __future__ import annotations

import json
import typing as t
from functools import cached_property
from pathlib import Path

import psycopg
from singer_sdk import Tap
from singer_sdk import typing as th
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities

from entrepot_core.policy import tables
from entrepot_core.policy.tables import Policy, PolicyText, TableRule
from entrepot_core.postgres import catalog
from entrepot_core.postgres.connection import Database
from entrepot_core.postgres.copy.libpq import CopyError
from entrepot_core.postgres.identifiers import TableName
from entrepot_core.singer.config import from_variables, loaded
from entrepot_core.singer.copies import CopyTap
from entrepot_core.singer.reader import suited
from entrepot_core.singer.table_definition import TableDefinition
from entrepot_core.warehouse.schemas import Naming
from entrepot_tap_postgres import relation
from entrepot_tap_postgres.errors import Refused
from entrepot_tap_postgres.streams import AppendStream, CopyStream, RecordStream
from entrepot_tap_postgres.sync import Position

_VARIABLES = {
    "sqlalchemy_url": "SOURCE_DATABASE_URL",
    "target_database_url": "TARGET_DATABASE_URL",
    "replica_schema": "REPLICA_SCHEMA",
    "backup_mode": "BACKUP_MODE",
    "pseudonym_secret": "PSEUDONYM_SECRET",
    "tables_file": "TABLES_FILE",
    "network_timeout": "NETWORK_TIMEOUT",
}
# A table that somebody has dropped on the warehouse has no position any more.
_POSITIONS = (
    "SELECT stream, high, replication_key, columns FROM entrepot_ops.positions"
    " WHERE table_schema = %s"
    " AND to_regclass(format('%%I.%%I', table_schema, table_name)) IS NOT NULL"
)
_SETTINGS = th.PropertiesList(
    th.Property(
        "sqlalchemy_url",
        th.StringType,
        secret=True,
        description="The source, as libpq writes its URL. Default: SOURCE_DATABASE_URL.",
    ),
    th.Property(
        "batch_config",
        th.ObjectType(additional_properties=True),
        description="The SDK's own; the format is pgcopy, and `storage.root` a folder, written as "
        "a file:// URL. Without it rows come as records.",
    ),
    th.Property(
        "target_database_url",
        th.StringType,
        secret=True,
        description="The warehouse, whose positions are compared with the state: the lower wins. "
        "Without it the state alone is believed. Default: TARGET_DATABASE_URL.",
    ),
    th.Property(
        "replica_schema",
        th.StringType,
        default="pix",
        description="Which replica's positions count. Default: REPLICA_SCHEMA.",
    ),
    th.Property(
        "tables_file",
        th.StringType,
        description="The table policy; its tables of mode incremental are the streams. "
        "Default: extract/tables.yml of the project.",
    ),
    th.Property(
        "backup_mode",
        th.StringType,
        description="Modes that override the policy's, as JSON. Default: BACKUP_MODE.",
    ),
    th.Property(
        "pseudonym_secret",
        th.StringType,
        secret=True,
        description="Key of the pseudonyms. Default: PSEUDONYM_SECRET.",
    ),
    th.Property(
        "batch_rows",
        th.IntegerType,
        default=500_000,
        description="Rows in a COPY file, about; a file is one transaction of the target.",
    ),
    th.Property("jobs", th.IntegerType, default=2, description="Ranges read at once."),
    th.Property(
        "spool_limit",
        th.IntegerType,
        default=2 * 1024**3,
        description="Bytes of COPY files that may wait for the target before the tap does.",
    ),
    th.Property(
        "fence_wait",
        th.NumberType,
        default=5,
        description="Seconds to wait for transactions that are open on the source, so that what "
        "they write is read today; after that the bookmark is held back for them.",
    ),
    th.Property(
        "lock_timeout",
        th.NumberType,
        default=10,
        description="Seconds to wait for a table that a deploy holds.",
    ),
    th.Property(
        "lock_budget",
        th.NumberType,
        default=30,
        description="Seconds for which a deploy may wait for a table that is read; then the tap "
        "lets it go, and goes on after the deploy.",
    ),
    th.Property(
        "snapshot_limit",
        th.NumberType,
        default=1800,
        description="Seconds for which one snapshot of the source is held at most; reading then "
        "goes on in a new one. 0: no limit.",
    ),
    th.Property(
        "network_timeout",
        th.IntegerType,
        default=120,
        description="Seconds after which a silent network counts as cut.",
    ),
).to_dict()


class TapPostgres(CopyTap, Tap):
    """Singer tap for PostgreSQL.

    The streams are the append tables of the table policy: with a `batch_config` of format
    `pgcopy` as COPY files, without one as records, for any target.
    """

    name = "tap-postgres"
    package_name = "entrepot-tap-postgres"
    explained = (CopyError, psycopg.Error)
    capabilities: t.ClassVar[list[CapabilitiesEnum]] = [
        *Tap.capabilities,
        PluginCapabilities.BATCH,
    ]
    config_jsonschema: t.ClassVar[dict[str, t.Any]] = _SETTINGS

    def __init__(self, *, config: t.Any = None, **options: t.Any) -> None:
        """Complete the configuration by the project's own variables, which no file repeats.

        Args:
            config: As the SDK takes it: a dictionary, or paths of files.
            **options: Of the SDK.
        """
        given = from_variables(_VARIABLES)
        super().__init__(config={**given, **suited(loaded(config))}, **options)

    @cached_property
    def source(self) -> Database:
        """The source.

        Raises:
            Refused: If there is none.
        """
        url = self.config.get("sqlalchemy_url")
        # A night without append tables needs no source; one with them says so by its name.
        if not url:
            raise Refused(
                "SOURCE_DATABASE_URL is missing: append tables are read from the live source"
            )
        return Database(
            "source",
            url,
            self.config["network_timeout"],
            (("row_security", "off"),),
        )

    def sync_all(self) -> None:  # type: ignore[misc] # final in the SDK, which has no hook around a whole run
        """Read every stream; what still waits for the target is left to it."""
        try:
            super().sync_all()
        finally:
            self.close_spool()

    @property
    def secret(self) -> str | None:
        """The key of the pseudonyms."""
        secret: str | None = self.config.get("pseudonym_secret")
        return secret

    @cached_property
    def _read_catalogs(
        self,
    ) -> tuple[Policy, dict[TableName, TableDefinition]]:
        """Read the policy and the catalogs, in one session.

        Raises:
            Refused: With every problem found.
        """
        text, problems = tables.read(self._tables_file, self._backup_mode)
        if not problems and not _has_append_tables(text):
            return Policy(), {}
        with self.source.connect(purpose="catalog") as session:
            rules = text.resolve(catalog.table_columns(session))
            problems += rules.problems
            definitions: dict[TableName, TableDefinition] = {}
            for name, rule in rules.rules.items():
                # A column that does not exist is named already.
                if rule.mode == "incremental" and not rules.problems:
                    try:
                        definitions[name] = relation.read(session, name, rule)
                    except Refused as refusal:
                        problems.append(str(refusal))
        if rules.pseudonymises and not self.secret:
            problems.append(
                "PSEUDONYM_SECRET is missing: the policy pseudonymises columns"
            )
        if problems:
            raise Refused("; ".join(problems))
        return rules, definitions

    def definition_now(self, name: TableName) -> TableDefinition:
        """Read a table's definition again; the table is locked, so it stays so.

        Args:
            name: The table.

        Returns:
            The definition, as `relation.read` gives it.

        Raises:
            Refused: If its replication key can no more be one.
        """
        definitions = self._read_catalogs[1]
        with self.source.connect(purpose="catalog") as session:
            now = relation.read(session, name, self.rule(name))
        if now != definitions[name]:
            del self._read_catalogs
        return now

    @property
    def _tables_file(self) -> Path:
        written = self.config.get("tables_file")
        return Path(written) if written else tables.default_file()

    @property
    def _backup_mode(self) -> dict[str, str]:
        try:
            modes: dict[str, str] = json.loads(self.config.get("backup_mode") or "{}")
        except json.JSONDecodeError as error:
            raise Refused(f"BACKUP_MODE is not JSON: {error}") from None
        return modes

    def rule(self, table: TableName) -> TableRule:
        """Give a table's rule.

        Args:
            table: The table.

        Returns:
            Its rule, or the default one.
        """
        return self._read_catalogs[0].rule(table)

    @cached_property
    def positions(self) -> dict[str, Position] | None:
        """How far each stream is in the warehouse; None when we are not told where that is."""
        url = self.config.get("target_database_url")
        if not url:
            return None
        with Database(
            "warehouse", url, self.config["network_timeout"]
        ).connect() as session:
            exists = session.execute(
                "SELECT to_regclass('entrepot_ops.positions')"
            ).fetchone()
            if exists is None or exists[0] is None:
                return {}
            schema = Naming(self.config["replica_schema"]).incremental
            return {
                stream: Position(high, key, numbers or {})
                for stream, high, key, numbers in session.execute(_POSITIONS, [schema])
            }

    @property
    def catalog_dict(self) -> dict[str, t.Any]:
        """Describe the streams, anew each time, as tables change."""
        return {"streams": [stream.entry() for stream in self.discover_streams()]}

    def discover_streams(self) -> t.Sequence[t.Any]:
        """Make the streams.

        Returns:
            One stream for each table of mode `incremental`.

        Raises:
            Refused: If two tables would be one stream.
        """
        kind = CopyStream if self.copies else RecordStream
        _ = self.positions  # before the target makes again what somebody has dropped
        streams: dict[str, AppendStream] = {}
        for table, definition in self._read_catalogs[1].items():
            stream = kind(self, definition)
            if stream.name in streams:
                raise Refused(
                    f"table {table} and another one would both be stream {stream.name}: give one "
                    "of them another mode in extract/tables.yml"
                )
            streams[stream.name] = stream
        return list(streams.values())


def _has_append_tables(text: PolicyText) -> bool:
    modes = {name: rule.mode for name, rule in text.entries.items()}
    return "incremental" in {**modes, **text.backup_mode}.values()
