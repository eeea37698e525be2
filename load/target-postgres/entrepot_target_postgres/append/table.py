"""An append table of the warehouse: made as the source's, filled batch by batch."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from entrepot_core.postgres.connection import Database, one_line
from entrepot_core.postgres.copy.libpq import CopyError, Patience, copy_in
from entrepot_core.postgres.identifiers import QUALIFIED, TableName, literal, quote
from entrepot_core.warehouse import changes
from entrepot_core.warehouse.schemas import Naming
from entrepot_target_postgres.append import user_types
from entrepot_target_postgres.errors import CannotLoad
from entrepot_target_postgres.tables import drift, views
from entrepot_target_postgres.tables.copying import read_to_the_end

_CHUNK = 256 * 1024  # bytes
_ON = re.compile(rf" ON (?:ONLY )?{QUALIFIED} USING ")
_COLUMNS = """
SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
    a.atthasdef
FROM pg_catalog.pg_attribute AS a
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_POSITION = """
INSERT INTO entrepot_ops.positions AS p (stream, source_schema, table_schema, table_name,
    replication_key, high, settled, row_count, columns)
VALUES (%(stream)s, %(source)s, %(schema)s, %(table)s, %(key)s, %(high)s, %(settled)s, %(rows)s,
    %(columns)s)
ON CONFLICT (stream) DO UPDATE SET
high = greatest(p.high::{type}, excluded.high::{type})::text, loaded_at = now(),
settled = greatest(p.settled::{type}, excluded.settled::{type})::text,
replication_key = excluded.replication_key, row_count = p.row_count + excluded.row_count
"""
_SETTLE = """
UPDATE entrepot_ops.positions SET columns = %(columns)s,
settled = greatest(settled::{type}, %(settled)s::{type})::text WHERE stream = %(stream)s
"""
_COMMENTS = """
SELECT a.attname::text, d.description FROM pg_catalog.pg_description AS d
LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.objoid AND a.attnum = d.objsubid
    AND d.objsubid > 0
WHERE d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid = to_regclass(%s)
"""
# Indexes here that make rows unique, or that have the name of one of the source's.
_KEYS = """
SELECT c.relname::text, i.indisunique, o.oid IS NOT NULL,
    (SELECT array_agg(a.attname::text ORDER BY k.place)
     FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
     LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
     WHERE k.place <= i.indnkeyatts)
FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
LEFT JOIN pg_catalog.pg_constraint AS o ON o.conindid = i.indexrelid AND o.conrelid = i.indrelid
    AND o.contype IN ('p', 'u')
WHERE i.indrelid = to_regclass(%s)
"""
_VIRTUAL_COLUMNS = 180000  # the first version that has them
_LOCK_TIMEOUT = "60s"  # for a change of the table, behind which readers would queue

logger = logging.getLogger("entrepot-target-postgres")


@dataclass(frozen=True)
class Batch:
    """A COPY file: every row of the source in a range of the replication key.

    Attributes:
        path: The file.
        copy_format: `binary` or `text`.
        columns: In the order of the file.
        low: The key above which it holds all rows; None for the first.
        high: The key up to which.
        rows: How many there must be.
        settled: The key up to which the source can add nothing more; None when not known.
    """

    path: Path
    copy_format: str
    columns: list[str]
    low: str | None
    high: str
    rows: int
    settled: str | None = None


class AppendTable:
    """One table.

    Attributes:
        name: In the warehouse.
    """

    def __init__(
        self,
        warehouse: Database,
        stream: str,
        definition: dict[str, Any],
        naming: Naming,
    ) -> None:
        """Prepare; nothing is done yet.

        Args:
            warehouse: The warehouse.
            stream: The stream's name.
            definition: What the source's catalogs say, as the tap read it.
            naming: The schemas' names.
        """
        self._warehouse = warehouse
        self._stream = stream
        self._naming = naming
        self._source = TableName(definition["schema"], definition["table"])
        self.name = TableName(naming.incremental, definition["table"])
        self._types = user_types.Types(definition["types"], naming.incremental)
        self._columns = [
            {
                **column,
                "type": self._types.here(column["type"]),
                "expression": column["expression"]
                and self._types.translated(column["expression"]),
            }
            for column in definition["columns"]
        ]
        self._indexes = [
            {**index, "definition": self._types.translated(index["definition"])}
            for index in definition["indexes"]
        ]
        self._comment: str | None = definition["comment"]
        self._extra_indexes = definition["extra_indexes"]
        self._primary_key: list[str] = definition["primary_key"]
        self._key: str = definition["replication_key"]
        self._key_type = next(
            c["type"] for c in self._columns if c["name"] == self._key
        )
        self._is_new = False
        self._session: psycopg.Connection | None = None

    @property
    def session(self) -> psycopg.Connection:
        """The session that loads, in autocommit."""
        if self._session is None or self._session.closed:
            self._session = self._warehouse.connect(
                purpose=f"target {self._stream}"[:60]
            )
        return self._session

    def prepare(self) -> None:
        """Make the table, or let it follow the source's.

        Raises:
            CannotLoad: If a column has changed in a way that would lose or bend values.
        """
        session = self.session
        self._types.create(session)
        here = session.execute(_COLUMNS, [self.name.sql]).fetchall()
        if here:
            self._follow(here)
            if not self._is_key_alone:
                self._build_indexes(1)  # a first load that died: rows are found by them
            return
        self._is_new = True
        with session.transaction():
            listed = ", ".join(self._column_sql(column) for column in self._columns)
            session.execute(f"CREATE TABLE {self.name.sql} ({listed})")
            self._describe()
            session.execute(
                "DELETE FROM entrepot_ops.positions WHERE stream = %s", [self._stream]
            )
            changes.note(session, self.name, None, None)
        logger.info("%s: made as the source's %s", self.name, self._source)

    def _describe(self) -> None:
        """Write the source's comments where ours are others."""
        comments: dict[str | None, str] = dict(
            self.session.execute(_COMMENTS, [self.name.sql])
        )
        wanted = {None: self._comment} | {
            column["name"]: column["comment"] for column in self._columns
        }
        for name, comment in wanted.items():
            if comment != comments.get(name):
                what = f"COLUMN {self.name.sql}.{quote(name)}" if name else None
                text = literal(comment) if comment else "NULL"
                self.session.execute(
                    f"COMMENT ON {what or f'TABLE {self.name.sql}'} IS {text}"
                )

    def _column_sql(self, column: dict[str, Any]) -> str:
        """Write a column's definition."""
        text = f"{quote(column['name'])} {column['type']}"
        if column["collation"] and self._has_collation(column["collation"]):
            text += f" COLLATE pg_catalog.{quote(column['collation'])}"
        expression = column["expression"]
        if column["generated"]:
            version = self.session.info.server_version
            is_virtual = column["generated"] == "v" and version >= _VIRTUAL_COLUMNS
            kept = "VIRTUAL" if is_virtual else "STORED"
            return f"{text} GENERATED ALWAYS AS ({expression}) {kept}"
        if expression:
            text += f" DEFAULT {expression}"
        return text + (" NOT NULL" if column["not_null"] else "")

    def _has_collation(self, name: str) -> bool:
        """Say whether this server has one of PostgreSQL's own collations."""
        row = self.session.execute(
            "SELECT true FROM pg_catalog.pg_collation WHERE collname = %s"
            " AND collnamespace = 'pg_catalog'::regnamespace"
            " AND collencoding IN (-1, pg_catalog.pg_char_to_encoding("
            "pg_catalog.current_setting('server_encoding')))",
            [name],
        ).fetchone()
        return row is not None

    def _follow(self, here: list[tuple[str, str, bool, bool]]) -> None:
        row = self.session.execute(
            "SELECT columns, replication_key FROM entrepot_ops.positions WHERE stream = %s",
            [self._stream],
        ).fetchone()
        numbers: dict[str, int] | None
        numbers, key = row or (None, None)
        self._forget_another_key(key, numbers or {})
        types = {name: type_name for name, type_name, *_ in here}
        found = drift.compare(types, self._columns, numbers)
        if found.refused:
            sentences = [
                f"column {name} is {old} in the warehouse and {new} on the source"
                for name, old, new in found.refused
            ]
            raise CannotLoad(
                f"table {self._source}: {'; '.join(sentences)}: no value may be lost or bent, so "
                f"change {self.name} by hand, or drop it to have it loaded again"
            )
        nullable = {
            column["name"] for column in self._columns if not column["not_null"]
        }
        nullable |= set(found.dropped)
        loosened = [
            name for name, _, not_null, _ in here if not_null and name in nullable
        ]
        emptied = [name for name, *_, has in here if has and name in found.dropped]
        try:
            with self.session.transaction():
                self.session.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
                self._change(found, loosened, emptied)
        except psycopg.Error as error:
            raise CannotLoad(
                f"table {self._source} has changed, and {self.name} cannot follow: "
                f"{one_line(error)}"
            ) from None

    def _forget_another_key(self, key: str | None, numbers: dict[str, int]) -> None:
        """Forget a position of another column, unless that is only renamed: the tap does too."""
        now = next(c["number"] for c in self._columns if c["name"] == self._key)
        if key not in (None, self._key) and numbers.get(key or "") != now:
            self.session.execute(
                "DELETE FROM entrepot_ops.positions WHERE stream = %s", [self._stream]
            )

    def _change(
        self, found: drift.Drift, loosened: list[str], emptied: list[str]
    ) -> None:
        """Let the table follow the source's, in the transaction that is open."""
        for old, new in found.renamed:
            self._alter(f"RENAME COLUMN {quote(old)} TO {quote(new)}")
            self._rename_in_view(old, new)
            logger.warning("%s: column %s is now called %s", self.name, old, new)
        if found.widened:
            with views.taken_away(self.session, self.name) as on_it:
                for name, wanted in found.widened:
                    self._alter(f"ALTER COLUMN {quote(name)} TYPE {wanted}")
                    logger.warning("%s: column %s is now %s", self.name, name, wanted)
            if on_it:
                logger.warning("%s: made again: %s", self.name, ", ".join(on_it))
        for column in found.added:
            self._add(column)
        for name in loosened:
            self._alter(f"ALTER COLUMN {quote(name)} DROP NOT NULL")
        for name in emptied:
            self._alter(f"ALTER COLUMN {quote(name)} DROP EXPRESSION IF EXISTS")
            self._alter(f"ALTER COLUMN {quote(name)} DROP DEFAULT")
        self._drop_other_keys()
        self._describe()
        for name in found.dropped:
            logger.warning(
                "%s: the source has no column %s any more; kept, NULL from now on",
                self.name,
                name,
            )

    def _drop_other_keys(self) -> None:
        """Drop what would refuse rows that the source takes: keys that it has no more, or changed.

        Those that it has are built again with the missing indexes.
        """
        wanted = {index["name"]: index for index in self._indexes}
        for name, is_unique, is_constraint, columns in self.session.execute(
            _KEYS, [self.name.sql]
        ).fetchall():
            there = wanted.get(name)
            if there is None and not is_unique:
                continue
            if there and (there["unique"], there["columns"]) == (is_unique, columns):
                continue
            if is_constraint:
                self._alter(f"DROP CONSTRAINT {quote(name)}")
            else:
                self.session.execute(
                    f"DROP INDEX {quote(self.name.schema)}.{quote(name)}"
                )
            logger.warning(
                "%s: key %s (%s) is another one on the source, or has gone there; dropped here",
                self.name,
                name,
                ", ".join(column or "…" for column in columns),
            )

    def _alter(self, change: str) -> None:
        self.session.execute(f"ALTER TABLE {self.name.sql} {change}")

    def _add(self, column: dict[str, Any]) -> None:
        """Add a column, with the value that the source gives to the rows of before."""
        former = column["former"]
        if column["generated"]:
            self._alter(f"ADD COLUMN {self._column_sql(column)}")
            value = "computed"
        elif former is None:
            self._alter(f"ADD COLUMN {quote(column['name'])} {column['type']}")
            value = "NULL"
        else:
            name = quote(column["name"])
            self._alter(f"ADD COLUMN {name} {column['type']} DEFAULT {literal(former)}")
            self._alter(f"ALTER COLUMN {name} DROP DEFAULT")
            value = "the source's default"
        logger.warning(
            "%s: column %s added (%s); %s in the rows that were here before",
            self.name,
            column["name"],
            column["type"],
            value,
        )

    @property
    def _live(self) -> TableName:
        """The view of the table beside the replica's others."""
        return TableName(self._naming.live(self._source.schema), self._source.name)

    def _rename_in_view(self, old: str, new: str) -> None:
        row = self.session.execute(
            "SELECT FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c"
            " ON c.oid = a.attrelid WHERE c.oid = to_regclass(%s) AND c.relkind = 'v'"
            " AND a.attname = %s",
            [self._live.sql, old],
        ).fetchone()
        if row is not None:
            self.session.execute(
                f"ALTER VIEW {self._live.sql} RENAME COLUMN {quote(old)} TO {quote(new)}"
            )

    def load(self, batch: Batch) -> None:
        """Load a batch, and note the position, in one transaction; then remove the file.

        Args:
            batch: The batch.

        Raises:
            CannotLoad: If the file does not hold what the source had sent.
        """
        session = self.session
        with session.transaction():
            if self._can_meet_older_rows(batch):
                received = self._replace(batch)
            else:
                received = self._copy(batch, self.name.sql)
            if received != batch.rows:
                raise CannotLoad(
                    f"table {self._source}: the source sent {batch.rows} rows up to "
                    f"{batch.high}, and the warehouse received {received}"
                )
            changes.note(session, self.name, batch.low, batch.high)
            session.execute(
                _POSITION.format(type=self._key_type),
                {
                    "stream": self._stream,
                    "source": self._source.schema,
                    "schema": self.name.schema,
                    "table": self.name.name,
                    "key": self._key,
                    "high": batch.high,
                    "settled": batch.settled,
                    "rows": received,
                    "columns": self._numbers,
                },
            )
        batch.path.unlink()

    @property
    def _numbers(self) -> Jsonb:
        return Jsonb({column["name"]: column["number"] for column in self._columns})

    def settle(self, key: str | None) -> None:
        """Note, at the end of a stream, up to where nothing more can come.

        Args:
            key: The replication key; None when that is not known.
        """
        self.session.execute(
            _SETTLE.format(type=self._key_type),
            {"settled": key, "columns": self._numbers, "stream": self._stream},
        )

    def _can_meet_older_rows(self, batch: Batch) -> bool:
        """Say whether rows of the batch may be here already, in this or another version."""
        row = self.session.execute(
            f"SELECT coalesce(high::{self._key_type} > %s::{self._key_type}, true)"
            " FROM entrepot_ops.positions WHERE stream = %s FOR UPDATE",
            [batch.low, self._stream],
        ).fetchone()
        if self._is_new:
            return False
        return row is None or bool(row[0]) or not self._is_key_alone

    @property
    def _is_key_alone(self) -> bool:
        """Whether the replication key tells rows apart: then a range can be replaced whole."""
        return self._primary_key in ([], [self._key])

    def _replace(self, batch: Batch) -> int:
        """Put the batch's rows in the place of those that are here."""
        session = self.session
        if self._is_key_alone:
            key = quote(self._key)
            above = (
                f" AND {key} > {literal(batch.low)}::{self._key_type}"
                if batch.low is not None
                else ""
            )
            session.execute(
                f"DELETE FROM {self.name.sql}"
                f" WHERE {key} <= {literal(batch.high)}::{self._key_type}{above}"
            )
            return self._copy(batch, self.name.sql)
        session.execute(
            f"CREATE TEMPORARY TABLE arriving (LIKE {self.name.sql}) ON COMMIT DROP"
        )
        received = self._copy(batch, "arriving")
        same = " AND ".join(f"t.{quote(c)} = a.{quote(c)}" for c in self._primary_key)
        listed = ", ".join(map(quote, batch.columns))
        session.execute(
            f"DELETE FROM {self.name.sql} AS t USING arriving AS a WHERE {same}"
        )
        session.execute(
            f"INSERT INTO {self.name.sql} ({listed}) SELECT {listed} FROM arriving"
        )
        return received

    def _copy(self, batch: Batch, into: str) -> int:
        listed = ", ".join(map(quote, batch.columns))
        statement = f"COPY {into} ({listed}) FROM STDIN (FORMAT {batch.copy_format})"
        patience = Patience(Event(), self._warehouse.timeout)
        try:
            return copy_in(
                self.session, statement, _chunks(batch.path), patience, lambda _: None
            )
        except CopyError:
            read_to_the_end(self.session)
            raise

    def finish(self, jobs: int, reader: str) -> None:
        """Build what indexes are missing, and show the table to readers.

        Args:
            jobs: Indexes built at once.
            reader: The role that may read.
        """
        if built := self._build_indexes(jobs):
            logger.info("%s: %d indexes built", self.name, built)
            self.session.execute(f"ANALYZE {self.name.sql}")
        self._show(reader)
        self._is_new = False
        self.close()  # there may be more tables than the warehouse has room for sessions

    def _build_indexes(self, jobs: int) -> int:
        present = {
            row[0]
            for row in self.session.execute(
                "SELECT c.relname::text FROM pg_catalog.pg_index AS i"
                " JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid"
                " WHERE i.indrelid = to_regclass(%s) AND i.indisvalid",
                [self.name.sql],
            )
        }
        missing = [
            (
                index["name"],
                _ON.sub(
                    lambda _: f" ON {self.name.sql} USING ",
                    index["definition"],
                    count=1,
                ),
            )
            for index in self._indexes
            if index["name"] not in present
        ]
        missing += [
            (name, f"CREATE INDEX {quote(name)} ON {self.name.sql} {text}")
            for name, text in self._extra_indexes.items()
            if name not in present
        ]
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(lambda each: self._build(*each), missing))
        self._add_constraints()
        return len(missing)

    def _build(self, name: str, statement: str) -> None:
        settings = (("maintenance_work_mem", "256MB"),)
        database = Database(
            "warehouse", self._warehouse.url, self._warehouse.timeout, settings
        )
        with database.connect(purpose="target index") as session:
            try:
                session.execute(statement)
            except psycopg.errors.UndefinedObject as error:
                if any(
                    index["name"] == name and index["unique"] for index in self._indexes
                ):
                    raise
                logger.warning(
                    "%s: index %s is left out: %s", self.name, name, one_line(error)
                )
            except psycopg.Error as error:
                raise CannotLoad(
                    f"table {self._source}: index {name} cannot be built: {one_line(error)}"
                ) from None

    def _add_constraints(self) -> None:
        """Turn the unique indexes that were constraints on the source into the same here."""
        present = {
            row[0]
            for row in self.session.execute(
                "SELECT conname::text FROM pg_catalog.pg_constraint"
                " WHERE conrelid = to_regclass(%s)",
                [self.name.sql],
            )
        }
        kinds = {"p": "PRIMARY KEY", "u": "UNIQUE"}
        for index in self._indexes:
            if index["constraint"] in kinds and index["name"] not in present:
                name = quote(index["name"])
                when = " DEFERRABLE" if index["deferrable"] else ""
                when += " INITIALLY DEFERRED" if index["deferred"] else ""
                self._alter(
                    f"ADD CONSTRAINT {name} {kinds[index['constraint']]} USING INDEX {name}{when}"
                )

    def _show(self, reader: str) -> None:
        """Show the table in the live schema, beside the others."""
        session = self.session
        live = self._live
        row = session.execute(
            "SELECT to_regnamespace(quote_ident(%s)) IS NOT NULL, c.relkind::text,"
            " EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = %s)"
            " FROM (VALUES (true)) AS v LEFT JOIN pg_catalog.pg_class AS c"
            " ON c.oid = to_regclass(%s)",
            [live.schema, reader, live.sql],
        ).fetchone()
        assert row is not None
        has_schema, kind, has_reader = row
        targets = [(self.name.schema, self.name)]
        if has_schema and kind in (None, "v"):
            session.execute(
                f"CREATE OR REPLACE VIEW {live.sql} AS SELECT * FROM {self.name.sql}"
            )
            targets.append((live.schema, live))
        if has_reader:
            for schema, relation in targets:
                session.execute(
                    f"GRANT USAGE ON SCHEMA {quote(schema)} TO {quote(reader)}"
                )
                session.execute(
                    f"GRANT SELECT, REFERENCES ON {relation.sql} TO {quote(reader)}"
                )

    def close(self) -> None:
        """Let the warehouse go."""
        if self._session is not None:
            self._session.close()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
