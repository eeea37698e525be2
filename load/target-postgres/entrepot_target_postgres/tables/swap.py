"""The replacement of whole tables by what was loaded beside them, all in one transaction.

A table is replaced by another that takes its place, its rights and its views: readers notice
nothing but that their next statement sees the new rows. A table on which something stands that
cannot be pointed elsewhere (a materialized view, a foreign key, somebody else's view) keeps its
identity, and only its rows are exchanged.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import psycopg
from psycopg import errors

from entrepot_core.postgres import queries
from entrepot_core.postgres.connection import one_line
from entrepot_core.postgres.identifiers import TableName, literal, quote
from entrepot_core.warehouse import dependents, readers, references
from entrepot_target_postgres.errors import CannotLoad
from entrepot_target_postgres.tables import ddl
from entrepot_target_postgres.tables.copying import reason
from entrepot_target_postgres.tables.shape import Shape

_MARK = (
    "Tables that target-postgres is loading; what is left here by a dead run is removed"
)
# What belongs to a table itself, and would be lost with it.
_ATTACHED = queries.read("entrepot_target_postgres", "attached")
_GRANTS = queries.read("entrepot_target_postgres", "grants_of_table")
# Indexes that people, or a model's post-hook, have added.
_INDEXES = """
SELECT pg_catalog.pg_get_indexdef(i.indexrelid), x.relname::text
FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
WHERE i.indrelid = to_regclass(%s) AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint AS o WHERE o.conindid = i.indexrelid)
"""
_LEFT = """
SELECT relname::text FROM pg_catalog.pg_class
WHERE relnamespace = to_regnamespace(quote_ident(%s)) AND relkind = 'r'
"""

logger = logging.getLogger("entrepot-target-postgres")


@dataclass(frozen=True)
class Side:
    """A table that is loaded beside the one that it will replace.

    Attributes:
        shape: The table as the schema wants it, at its place.
    """

    shape: Shape

    @property
    def table(self) -> TableName:
        """Where it is loaded."""
        return TableName(loading(self.shape.table.schema), self.shape.table.name)


def loading(schema: str) -> str:
    """Name the schema in which a schema's tables are loaded beside.

    Args:
        schema: Where they will be.

    Returns:
        The schema's name.
    """
    return f"{schema}_loading"


def make_room(session: psycopg.Connection, schema: str) -> None:
    """Make the schema in which tables are loaded beside.

    Args:
        session: A session on the warehouse, in autocommit.
        schema: Where the tables will be.

    Raises:
        CannotLoad: If somebody else uses that name.
    """
    name = loading(schema)
    query = (
        "SELECT pg_catalog.obj_description(oid, 'pg_namespace')"
        " FROM pg_catalog.pg_namespace WHERE nspname = %s"
    )
    row = session.execute(query, [name]).fetchone()
    if row is None:
        with session.transaction():
            session.execute(f"CREATE SCHEMA {quote(name)}")
            session.execute(f"COMMENT ON SCHEMA {quote(name)} IS {literal(_MARK)}")
    elif row[0] != _MARK:
        raise CannotLoad(
            f"schema {name} of the warehouse is not ours, and that is where tables of {schema} "
            "would be loaded beside: rename it, or choose another default_target_schema"
        )


def left_behind(session: psycopg.Connection, schema: str) -> list[TableName]:
    """List what is in the schema of tables loaded beside.

    Args:
        session: A session on the warehouse.
        schema: Where the tables would be.

    Returns:
        The tables, which a run that died has left.
    """
    rows = session.execute(_LEFT, [loading(schema)])
    return [TableName(schema, row[0]) for row in rows]


def remove(session: psycopg.Connection, table: TableName) -> None:
    """Remove a table loaded beside, if there is one.

    Args:
        session: A session on the warehouse.
        table: The table's place.
    """
    side = TableName(loading(table.schema), table.name)
    session.execute(f"DROP TABLE IF EXISTS {side.sql}")


def complete(session: psycopg.Connection, side: Side, reader: str) -> None:
    """Give a loaded table its key, indexes, rights and statistics, while nobody reads it.

    Args:
        session: A session on the warehouse, in autocommit.
        side: The table.
        reader: Who may read it.

    Raises:
        CannotLoad: If the rows contradict the key.
    """
    shape, table = side.shape, side.table
    if shape.keys:
        listed = ", ".join(map(quote, shape.keys))
        try:
            session.execute(f"ALTER TABLE {table.sql} ADD PRIMARY KEY ({listed})")
        except psycopg.errors.IntegrityError as error:
            raise CannotLoad(
                f"stream {shape.stream}: {reason(error)}: the tap's key_properties "
                f"({', '.join(shape.keys)}) do not tell its records apart"
            ) from None
    if ddl.exists(session, shape.table):
        _copy_indexes(session, shape.table, table)
        query = session.execute(_GRANTS, {"table": shape.table.sql, "side": table.sql})
        for (statement,) in query.fetchall():
            session.execute(statement)
    ddl.index(session, table, shape)
    readers.show_table(session, table, reader)
    session.execute(f"ANALYZE {table.sql}")


def _copy_indexes(
    session: psycopg.Connection, live: TableName, side: TableName
) -> None:
    schema = quote(live.schema) if not _is_plain(live.schema) else live.schema
    for definition, name in session.execute(_INDEXES, [live.sql]).fetchall():
        before, _, after = definition.partition(" USING ")
        unique = "UNIQUE " if before.startswith("CREATE UNIQUE") else ""
        try:
            session.execute(
                f"CREATE {unique}INDEX {quote(name)} ON {side.sql} USING {after}"
            )
        except psycopg.Error as error:
            logger.warning(
                "%s.%s: index %s cannot be kept: %s",
                schema,
                live.name,
                name,
                reason(error),
            )


def _is_plain(name: str) -> bool:
    return name.isidentifier() and name.islower()


def replace(session: psycopg.Connection, sides: list[Side]) -> None:
    """Put the loaded tables in the place of the others: all or none.

    Args:
        session: A session on the warehouse, in autocommit.
        sides: The tables, complete.

    Raises:
        CannotLoad: If a view cannot show the new table, or the locks are not to be had.
    """
    ddl.patiently(session, lambda: _replace_once(session, sides))


def _replace_once(session: psycopg.Connection, sides: list[Side]) -> None:
    views: dict[TableName, list[dependents.Dependent]] = {}
    new = []
    for side in sides:
        table = side.shape.table
        if not ddl.exists(session, table):
            new.append(side)
            continue
        found, attached = _bound_to(session, table)
        if attached:
            _exchange_rows(session, side, attached)
        else:
            views[table] = found
            new.append(side)
    ddl.lock(session, list(views))
    _retire(session, list(views))
    for side in new:
        schema = quote(side.shape.table.schema)
        session.execute(f"ALTER TABLE {side.table.sql} SET SCHEMA {schema}")
    for table, found in views.items():
        for view in found:
            _point(session, view, table)
    _drop_retired(session, list(views))


def _bound_to(
    session: psycopg.Connection, table: TableName
) -> tuple[list[dependents.Dependent], list[str]]:
    """Find the views that can follow a table to its successor, and name what cannot."""
    found = dependents.of_table(session, table)
    rows = session.execute(_ATTACHED, {"table": table.sql})
    attached = [row[0] for row in rows]
    return found, [*attached, *(each.label for each in found if not each.statement)]


def _retire(session: psycopg.Connection, old: list[TableName]) -> None:
    for schema in {table.schema for table in old}:
        session.execute(f"CREATE SCHEMA {quote(_retired(schema))}")
    for table in old:
        session.execute(
            f"ALTER TABLE {table.sql} SET SCHEMA {quote(_retired(table.schema))}"
        )


def _drop_retired(session: psycopg.Connection, old: list[TableName]) -> None:
    for table in old:
        retired = TableName(_retired(table.schema), table.name)
        session.execute(f"DROP TABLE {retired.sql}")
    for schema in {table.schema for table in old}:
        session.execute(f"DROP SCHEMA {quote(_retired(schema))}")


def _retired(schema: str) -> str:
    """Name the schema in which old tables are for the time of the transaction."""
    return f"{schema}_replaced"


def _point(
    session: psycopg.Connection, view: dependents.Dependent, table: TableName
) -> None:
    assert view.statement is not None
    try:
        session.execute(view.statement)
    except errors.LockNotAvailable:
        raise
    except psycopg.Error as error:
        raise CannotLoad(
            f"table {table}: {view.label} cannot show the new table: {one_line(error)}. Drop or "
            "change the view, run again, and run the transformations; the previous content is "
            "still there"
        ) from None


def _exchange_rows(session: psycopg.Connection, side: Side, reasons: list[str]) -> None:
    """Replace the rows of a table that must stay the same table."""
    table, shape = side.shape.table, side.shape
    here = {each.name: each.type for each in ddl.landings(session, table.sql)}
    there = {each.name: each.type for each in ddl.landings(session, side.table.sql)}
    if differing := {n for n, kind in there.items() if here.get(n) != kind}:
        raise CannotLoad(
            f"table {table}: its columns have changed ({', '.join(sorted(differing))}), but it "
            f"cannot be replaced, because of {', '.join(reasons)}: drop that, run again; the "
            "previous content is still there"
        )
    logger.warning(
        "%s: stays the same table, its rows are replaced, because of %s",
        table,
        ", ".join(reasons),
    )
    listed = ", ".join(map(quote, shape.names))
    try:
        if found := references.on_table(session, table):
            arguments = (shape.names, shape.keys, "true", found)
            if kept := references.put_in_place(
                session, table, side.table.sql, *arguments
            ):
                logger.warning("%s: %s", table, kept)
        else:
            session.execute(f"DELETE FROM {table.sql}")
            session.execute(
                f"INSERT INTO {table.sql} ({listed}) SELECT {listed} FROM {side.table.sql}"
            )
    except psycopg.errors.IntegrityError as error:
        raise CannotLoad(f"table {table}: {reason(error)}") from None
    session.execute(f"DROP TABLE {side.table.sql}")
