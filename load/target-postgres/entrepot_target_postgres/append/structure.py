"""The columns, comments and keys of an append table: made as the source's, and kept so."""

from __future__ import annotations

import logging

import psycopg

from entrepot_core.postgres import citus
from entrepot_core.postgres.connection import one_line
from entrepot_core.postgres.identifiers import literal, quote
from entrepot_core.singer.table_definition import Column
from entrepot_core.warehouse import deleted, views
from entrepot_target_postgres.append.definition import Definition
from entrepot_target_postgres.errors import CannotLoad
from entrepot_target_postgres.tables import drift

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


class Structure:
    """One table's structure, changed through the session that loads it."""

    def __init__(
        self,
        session: psycopg.Connection,
        table: Definition,
        *,
        is_distributed: bool = False,
    ) -> None:
        """Take the session; nothing is done yet.

        Args:
            session: A session on the warehouse, in autocommit.
            table: The table as it must be.
            is_distributed: Whether other nodes of Citus have it, and follow each change.
        """
        self.session = session
        self._table = table
        self._is_distributed = is_distributed

    def create(self) -> None:
        """Make the table, in the transaction that is open."""
        listed = ", ".join(self._column_sql(column) for column in self._table.columns)
        self.session.execute(f"CREATE TABLE {self._table.name.sql} ({listed})")
        self._keep_deleted()
        self._describe()

    def follow(
        self,
        here: list[tuple[str, str, bool, bool]],
        numbers: dict[str, int] | None,
    ) -> None:
        """Let the table follow the source's.

        Args:
            here: Name, type, NOT NULL and default of each column here.
            numbers: The source's number of each column when it was last loaded, by the name that
                it had; None when that is not known.

        Raises:
            CannotLoad: If a column has changed in a way that would lose or bend values.
        """
        types = {
            name: type_name for name, type_name, *_ in here if not self._is_mark(name)
        }
        found = drift.compare(
            types,
            {column.name: column.type for column in self._table.columns},
            numbers,
            self._table.numbers,
        )
        if found.refused:
            sentences = [
                f"column {name} is {old} in the warehouse and {new} on the source"
                for name, old, new in found.refused
            ]
            raise CannotLoad(
                f"table {self._table.source}: {'; '.join(sentences)}: no value may be lost or "
                f"bent, so change {self._table.name} by hand, or drop it to have it loaded again"
            )
        nullable = {
            column.name for column in self._table.columns if not column.not_null
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
        except views.CannotBeMadeAgain as error:
            raise CannotLoad(
                f"{error.view} depends on table {self._table.name}, a column of which changes its "
                f"type, and {error.reason}: drop it, run again, and make it anew"
            ) from None
        except psycopg.Error as error:
            raise CannotLoad(
                f"table {self._table.source} has changed, and {self._table.name} cannot follow: "
                f"{one_line(error)}"
            ) from None

    def _change(
        self, found: drift.Drift, loosened: list[str], emptied: list[str]
    ) -> None:
        """Let the table follow the source's, in the transaction that is open."""
        for old, new in found.renamed:
            self._alter(f"RENAME COLUMN {quote(old)} TO {quote(new)}")
            self._rename_in_view(old, new)
            logger.warning("%s: column %s is now called %s", self._table.name, old, new)
        if found.widened:
            with views.taken_away(self.session, self._table.name) as on_it:
                for name, wanted in found.widened:
                    self._alter(f"ALTER COLUMN {quote(name)} TYPE {wanted}")
                    logger.warning(
                        "%s: column %s is now %s", self._table.name, name, wanted
                    )
            if on_it:
                logger.warning("%s: made again: %s", self._table.name, ", ".join(on_it))
        for column in self._table.columns:
            if column.name in found.added:
                self._add(column)
        for name in loosened:
            self._alter(f"ALTER COLUMN {quote(name)} DROP NOT NULL")
        for name in emptied:
            self._alter(f"ALTER COLUMN {quote(name)} DROP EXPRESSION IF EXISTS")
            self._alter(f"ALTER COLUMN {quote(name)} DROP DEFAULT")
        self._drop_other_keys()
        self._keep_deleted()
        self._describe()
        for name in found.dropped:
            logger.warning(
                "%s: the source has no column %s any more; kept, NULL from now on",
                self._table.name,
                name,
            )

    def _drop_other_keys(self) -> None:
        """Drop what would refuse rows that the source takes: keys that it has no more, or changed.

        Those that it has are built again with the missing indexes.
        """
        wanted = {index.name: index for index in self._table.indexes}
        for name, is_unique, is_constraint, columns in self.session.execute(
            _KEYS, [self._table.name.sql]
        ).fetchall():
            there = wanted.get(name)
            if there is None and not is_unique:
                continue
            if there and (there.unique, there.columns) == (is_unique, columns):
                continue
            if is_constraint:
                self._alter(f"DROP CONSTRAINT {quote(name)}")
            else:
                self._change_everywhere(
                    f"DROP INDEX {quote(self._table.name.schema)}.{quote(name)}"
                )
            logger.warning(
                "%s: key %s (%s) is another one on the source, or has gone there; dropped here",
                self._table.name,
                name,
                ", ".join(column or "…" for column in columns),
            )

    def _is_mark(self, name: str) -> bool:
        """Say whether a column is the one that marks rows which stay, and not the source's."""
        return name == deleted.COLUMN and name not in self._table.numbers

    def _keep_deleted(self) -> None:
        """Make room for rows that stay although the source has deleted them."""
        table = self._table
        if table.keep_deleted:
            deleted.make_room(self.session, table.name, table.live, table.emptied)

    def _alter(self, change: str) -> None:
        self._change_everywhere(f"ALTER TABLE {self._table.name.sql} {change}")

    def _change_everywhere(self, statement: str) -> None:
        """Change the table on each node that has it; its views are the coordinator's alone."""
        with citus.propagated(self.session, applies=self._is_distributed):
            self.session.execute(statement)

    def _add(self, column: Column) -> None:
        """Add a column, with the value that the source gives to the rows of before."""
        former = column.former
        if column.generated:
            self._alter(f"ADD COLUMN {self._column_sql(column)}")
            value = "computed"
        elif former is None:
            self._alter(f"ADD COLUMN {quote(column.name)} {column.type}")
            value = "NULL"
        else:
            name = quote(column.name)
            self._alter(f"ADD COLUMN {name} {column.type} DEFAULT {literal(former)}")
            self._alter(f"ALTER COLUMN {name} DROP DEFAULT")
            value = "the source's default"
        logger.warning(
            "%s: column %s added (%s); %s in the rows that were here before",
            self._table.name,
            column.name,
            column.type,
            value,
        )

    def _describe(self) -> None:
        """Write the source's comments where ours are others."""
        comments: dict[str | None, str] = dict(
            self.session.execute(_COMMENTS, [self._table.name.sql])
        )
        wanted = {None: self._table.comment} | {
            column.name: column.comment for column in self._table.columns
        }
        for name, comment in wanted.items():
            if comment != comments.get(name):
                what = f"COLUMN {self._table.name.sql}.{quote(name)}" if name else None
                text = literal(comment) if comment else "NULL"
                self.session.execute(
                    f"COMMENT ON {what or f'TABLE {self._table.name.sql}'} IS {text}"
                )

    def _column_sql(self, column: Column) -> str:
        """Write a column's definition."""
        text = f"{quote(column.name)} {column.type}"
        if column.collation and self._has_collation(column.collation):
            text += f" COLLATE pg_catalog.{quote(column.collation)}"
        expression = column.expression
        if column.generated:
            version = self.session.info.server_version
            is_virtual = column.generated == "v" and version >= _VIRTUAL_COLUMNS
            kept = "VIRTUAL" if is_virtual else "STORED"
            return f"{text} GENERATED ALWAYS AS ({expression}) {kept}"
        if expression:
            text += f" DEFAULT {expression}"
        return text + (" NOT NULL" if column.not_null else "")

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

    def _rename_in_view(self, old: str, new: str) -> None:
        row = self.session.execute(
            "SELECT FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c"
            " ON c.oid = a.attrelid WHERE c.oid = to_regclass(%s) AND c.relkind = 'v'"
            " AND a.attname = %s",
            [self._table.live.sql, old],
        ).fetchone()
        if row is not None:
            self.session.execute(
                f"ALTER VIEW {self._table.live.sql} RENAME COLUMN {quote(old)} TO {quote(new)}"
            )
