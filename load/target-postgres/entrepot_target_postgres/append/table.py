"""An append table of the warehouse: made as the source's, filled batch by batch."""

from __future__ import annotations

import logging
from threading import Event

import psycopg

from entrepot_core.postgres import citus
from entrepot_core.postgres.connection import Database
from entrepot_core.postgres.copy.libpq import CopyError, Patience, copy_in
from entrepot_core.postgres.identifiers import TableName, literal, quote
from entrepot_core.singer.batch import CopyFile, KeyRange
from entrepot_core.warehouse import changes, deleted, readers, references
from entrepot_target_postgres.append import indexes
from entrepot_target_postgres.append.definition import Definition
from entrepot_target_postgres.append.position import Position
from entrepot_target_postgres.append.structure import Structure
from entrepot_target_postgres.errors import CannotLoad
from entrepot_target_postgres.tables.copying import read_to_the_end

_COLUMNS = """
SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
    a.atthasdef
FROM pg_catalog.pg_attribute AS a
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""

logger = logging.getLogger("entrepot-target-postgres")


class AppendTable:
    """One table."""

    def __init__(self, warehouse: Database, table: Definition) -> None:
        """Take the definition; nothing is done yet.

        Args:
            warehouse: The warehouse.
            table: What the source's catalogs say, in the warehouse's names.
        """
        self._warehouse = warehouse
        self._table = table
        self._is_new = False
        self._is_distributed = False
        self._session: psycopg.Connection | None = None

    @property
    def name(self) -> TableName:
        """The table in the warehouse."""
        return self._table.name

    @property
    def session(self) -> psycopg.Connection:
        """The session that loads, in autocommit."""
        if self._session is None or self._session.closed:
            self._session = self._warehouse.connect(purpose=self._table.stream)
        return self._session

    @property
    def _position(self) -> Position:
        return Position(self.session, self._table)

    def prepare(self) -> None:
        """Make the table, or let it follow the source's.

        Raises:
            CannotLoad: If a column has changed in a way that would lose or bend values.
        """
        session, table = self.session, self._table
        here = session.execute(_COLUMNS, [table.name.sql]).fetchall()
        self._is_distributed = self._will_be_distributed(exists=bool(here))
        with citus.propagated(session, applies=self._is_distributed):
            table.types.create(session)
        structure = Structure(session, table, is_distributed=self._is_distributed)
        if here:
            structure.follow(here, self._position.known_columns())
            if not table.is_key_alone:
                # A first load that died: rows are found by them.
                self._build_indexes(1)
            return
        self._is_new = True
        with session.transaction():
            structure.create()
            if self._is_distributed and table.distribution:
                citus.distribute(session, table.name, table.distribution)
            self._position.forget()
            changes.note(session, table.name, None, None)
        logger.info("%s: made as the source's %s", table.name, table.source)

    def _will_be_distributed(self, *, exists: bool) -> bool:
        """Say whether other nodes know the table, or will as soon as it is made."""
        session, table = self.session, self._table
        if exists:
            return citus.is_distributed(session, table.name)
        if table.distribution is None:
            return False
        if citus.is_there(session):
            return True
        logger.warning(
            "%s: distribution is %s, and the warehouse has no Citus: the table is local",
            table.name,
            table.distribution,
        )
        return False

    def _build_indexes(self, jobs: int) -> int:
        return indexes.build_missing(
            self._warehouse,
            self.session,
            self._table,
            jobs,
            is_distributed=self._is_distributed,
        )

    def load(self, file: CopyFile, covers: KeyRange, settled: str | None) -> None:
        """Load a file, and note the position, in one transaction; then remove the file.

        Args:
            file: The file.
            covers: The range of the replication key of which it has every row.
            settled: The key up to which the source can add nothing more; None when not known.

        Raises:
            CannotLoad: If the file does not hold what the source had sent.
        """
        session = self.session
        with session.transaction():
            if self._can_meet_older_rows(covers):
                received = self._replace(file, covers)
            else:
                received = self._copy(file, self._table.name.sql)
            if received != file.rows:
                raise CannotLoad(
                    f"table {self._table.source}: the source sent {file.rows} rows up to "
                    f"{covers.high}, and the warehouse received {received}"
                )
            changes.note(session, self._table.name, covers.low, covers.high)
            self._position.move(covers, settled, received)
        file.path.unlink()

    def settle(self, key: str | None) -> None:
        """Note, at the end of a stream, up to where nothing more can come.

        Args:
            key: The replication key; None when that is not known.
        """
        self._position.settle(key)

    def _can_meet_older_rows(self, covers: KeyRange) -> bool:
        """Say whether rows of a range may be here already, in this or another version."""
        is_above = self._position.lock_and_is_above(covers.low)
        return not self._is_new and (is_above or not self._table.is_key_alone)

    def _replace(self, file: CopyFile, covers: KeyRange) -> int:
        """Put the file's rows in the place of those that are here."""
        session = self.session
        replaced = self._within(covers) if self._table.is_key_alone else None
        if self._table.keep_deleted:
            return self._keep(file, replaced)
        found = references.on_table(session, self._table.name)
        if replaced and not found:
            session.execute(f"DELETE FROM {self._table.name.sql} WHERE {replaced}")
            return self._copy(file, self._table.name.sql)
        received = self._arrive(file)
        if found:
            arguments = (file.columns, self._table.primary_key, replaced, found)
            if kept := references.put_in_place(
                session, self._table.name, "arriving", *arguments
            ):
                logger.warning("%s: %s", self._table.name, kept)
            return received
        same = " AND ".join(
            f"t.{quote(c)} = a.{quote(c)}" for c in self._table.primary_key
        )
        listed = ", ".join(map(quote, file.columns))
        session.execute(
            f"DELETE FROM {self._table.name.sql} AS t USING arriving AS a WHERE {same}"
        )
        session.execute(
            f"INSERT INTO {self._table.name.sql} ({listed}) SELECT {listed} FROM arriving"
        )
        return received

    def _keep(self, file: CopyFile, replaced: str | None) -> int:
        """Put the file's rows in place, and mark what the source has deleted since."""
        received, table = self._arrive(file), self._table
        arguments = (file.columns, table.primary_key, replaced, table.emptied)
        if said := deleted.put_in_place(
            self.session, table.name, "arriving", *arguments
        ):
            logger.warning("%s: %s", table.name, said)
        return received

    def _arrive(self, file: CopyFile) -> int:
        """Copy the file into a table of this transaction's own."""
        self.session.execute(
            f"CREATE TEMPORARY TABLE arriving (LIKE {self._table.name.sql}) ON COMMIT DROP"
        )
        return self._copy(file, "arriving")

    def _within(self, covers: KeyRange) -> str:
        """Write the condition on rows of a range."""
        key, kind = quote(self._table.key), self._table.key_type
        text = f"{key} <= {literal(covers.high)}::{kind}"
        if covers.low is None:
            return text
        return f"{text} AND {key} > {literal(covers.low)}::{kind}"

    def _copy(self, file: CopyFile, into: str) -> int:
        listed = ", ".join(map(quote, file.columns))
        statement = f"COPY {into} ({listed}) FROM STDIN ({file.options})"
        patience = Patience(Event(), self._warehouse.timeout)
        try:
            return copy_in(
                self.session, statement, file.chunks(), patience, lambda _: None
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
        built = self._build_indexes(jobs)
        if built:
            logger.info("%s: %d indexes built", self._table.name, built)
            self.session.execute(f"ANALYZE {self._table.name.sql}")
        self._show(reader)
        self._is_new = False
        self.close()  # there may be more tables than the warehouse has room for sessions

    def _show(self, reader: str) -> None:
        """Show the table in the live schema, beside the others."""
        session = self.session
        live = self._table.live
        row = session.execute(
            "SELECT to_regnamespace(quote_ident(%s)) IS NOT NULL, c.relkind::text,"
            " EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = %s)"
            " FROM (VALUES (true)) AS v LEFT JOIN pg_catalog.pg_class AS c"
            " ON c.oid = to_regclass(%s)",
            [live.schema, reader, live.sql],
        ).fetchone()
        assert row is not None
        has_schema, kind, has_reader = row
        targets = [(self._table.name.schema, self._table.name)]
        if has_schema and kind in (None, "v"):
            session.execute(
                f"CREATE OR REPLACE VIEW {live.sql} AS SELECT * FROM {self._table.name.sql}"
            )
            targets.append((live.schema, live))
        if has_reader:
            for schema, relation in targets:
                everywhere = self._is_distributed and relation == self._table.name
                with citus.propagated(session, applies=everywhere):
                    session.execute(
                        f"GRANT USAGE ON SCHEMA {quote(schema)} TO {quote(reader)}"
                    )
                    readers.show_table(session, relation, reader)

    def close(self) -> None:
        """Let the warehouse go."""
        if self._session is not None:
            self._session.close()
