"""Tables of streams: made, followed when they change, shown to readers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg
from psycopg import errors

from entrepot_core.postgres.connection import one_line
from entrepot_core.postgres.identifiers import TableName, literal, quote
from entrepot_target_postgres.errors import CannotLoad
from entrepot_target_postgres.rows import Landing
from entrepot_target_postgres.tables import drift
from entrepot_target_postgres.tables.shape import Shape

# A statement that waits for a lock makes all new readers wait behind it: so never for long.
_LOCK_TIMEOUT = "500ms"
_LOCKS_TIMEOUT = "800ms"  # for several locks taken together
_TRIES = 300
_PAUSE = 1.0  # seconds

_COLUMNS = """
WITH RECURSIVE under AS (
    SELECT a.attnum, a.attname::text AS name,
        pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, a.atttypid AS oid
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT u.attnum, u.name, u.type, t.typbasetype
    FROM under AS u JOIN pg_catalog.pg_type AS t ON t.oid = u.oid WHERE t.typtype = 'd'
)
SELECT u.name, u.type, t.typname::text IN ('json', 'jsonb'),
    CASE WHEN t.typcategory = 'A' THEN e.typname::text IN ('json', 'jsonb') END,
    coalesce(e.typdelim, ',')::text
FROM under AS u JOIN pg_catalog.pg_type AS t ON t.oid = u.oid AND t.typtype <> 'd'
LEFT JOIN pg_catalog.pg_type AS e ON e.oid = t.typelem
ORDER BY u.attnum
"""
_KEY = """
SELECT array_agg(a.attname::text ORDER BY k.place)
FROM pg_catalog.pg_index AS i
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = to_regclass(%s) AND i.indisprimary
"""
_KIND = "SELECT relkind::text FROM pg_catalog.pg_class WHERE oid = to_regclass(%s)"
_COMMENTS = """
SELECT '' AS name, obj_description(to_regclass(%(table)s), 'pg_class')
UNION ALL
SELECT attname::text, col_description(attrelid, attnum) FROM pg_catalog.pg_attribute
WHERE attrelid = to_regclass(%(table)s) AND attnum > 0 AND NOT attisdropped
"""

logger = logging.getLogger("entrepot-target-postgres")
_T = TypeVar("_T")


def exists(session: psycopg.Connection, table: TableName) -> bool:
    """Say whether a table is there.

    Args:
        session: A session on the warehouse.
        table: The table.

    Returns:
        Whether it is.

    Raises:
        CannotLoad: If something else bears its name.
    """
    row = session.execute(_KIND, [table.sql]).fetchone()
    if row and row[0] not in ("r", "p"):
        raise CannotLoad(
            f"{table} is not a table in the warehouse: rename it, or the stream"
        )
    return row is not None


def create_schema(session: psycopg.Connection, schema: str) -> None:
    """Make a schema unless it is there, which even a role that may make none can find out.

    Args:
        session: A session on the warehouse.
        schema: Its name.
    """
    row = session.execute(
        "SELECT true FROM pg_catalog.pg_namespace WHERE nspname = %s", [schema]
    ).fetchone()
    if row is None:
        session.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")


def check_types(session: psycopg.Connection, shape: Shape) -> None:
    """Make sure that what stands for a type is one, and only one.

    Args:
        session: A session on the warehouse.
        shape: The table as the schema wants it.

    Raises:
        CannotLoad: Naming the first column whose type the warehouse does not know.
    """
    for column in shape.columns:
        try:
            row = session.execute("SELECT to_regtype(%s)", [column.type]).fetchone()
        except psycopg.Error:
            row = None
        if row is None or row[0] is None:
            raise CannotLoad(
                f"stream {shape.stream}, column {column.name}: the warehouse has no type "
                f"{column.type!r}: create it, or correct x-postgres-type"
            )


def landings(session: psycopg.Connection, table: str) -> list[Landing]:
    """Read a table's columns from the catalogs.

    Args:
        session: A session on the warehouse.
        table: The table, as SQL names it.

    Returns:
        Name and type of each, in order.
    """
    return [Landing(*row) for row in session.execute(_COLUMNS, [table])]


def spelled(session: psycopg.Connection, shape: Shape) -> list[Landing]:
    """Learn how the server spells the types of a schema, from a table that it forgets at once.

    Args:
        session: A session on the warehouse, in autocommit.
        shape: The table as the schema wants it.

    Returns:
        Name and type of each column, in order.
    """
    listed = ", ".join(f"{quote(each.name)} {each.type}" for each in shape.columns)
    with session.transaction(force_rollback=True):
        session.execute(f"CREATE TEMPORARY TABLE spelled ({listed})")
        return landings(session, "pg_temp.spelled")


def create(
    session: psycopg.Connection, table: TableName, shape: Shape, *, has_key: bool
) -> None:
    """Make a table.

    Args:
        session: A session on the warehouse, in a transaction.
        table: Its name.
        shape: Its columns, key and comments.
        has_key: Whether the key becomes one now.
    """
    parts = [
        f"{quote(column.name)} {column.type}"
        + (" NOT NULL" if has_key and column.name in shape.keys else "")
        for column in shape.columns
    ]
    if has_key and shape.keys:
        parts.append(f"PRIMARY KEY ({', '.join(map(quote, shape.keys))})")
    session.execute(f"CREATE TABLE {table.sql} ({', '.join(parts)})")
    describe(session, table, shape)


def index(session: psycopg.Connection, table: TableName, shape: Shape) -> None:
    """Make the indexes that the schema asks for and the table has not.

    Args:
        session: A session on the warehouse.
        table: The table, at its place or beside.
        shape: The indexes.
    """
    for columns in shape.indexes:
        name = "_".join([shape.table.name, *columns, "idx"])
        listed = ", ".join(map(quote, columns))
        session.execute(
            f"CREATE INDEX IF NOT EXISTS {quote(name)} ON {table.sql} ({listed})"
        )


def describe(session: psycopg.Connection, table: TableName, shape: Shape) -> None:
    """Write the comments that the schema has and the table has not.

    Args:
        session: A session on the warehouse.
        table: The table.
        shape: The comments.
    """
    here: dict[str, str] = dict(
        session.execute(_COMMENTS, {"table": table.sql}).fetchall()
    )
    if shape.comment and here.get("") != shape.comment:
        session.execute(f"COMMENT ON TABLE {table.sql} IS {literal(shape.comment)}")
    for column in shape.columns:
        if column.comment and here.get(column.name) != column.comment:
            session.execute(
                f"COMMENT ON COLUMN {table.sql}.{quote(column.name)}"
                f" IS {literal(column.comment)}"
            )


def follow(
    session: psycopg.Connection,
    table: TableName,
    shape: Shape,
    wanted: list[Landing],
    *,
    has_key: bool,
) -> None:
    """Let a table take what the schema has gained.

    Args:
        session: A session on the warehouse, in autocommit.
        table: The table.
        shape: What the schema wants.
        wanted: The same columns as the server spells them.
        has_key: Whether rows are told apart by the key.

    Raises:
        CannotLoad: If a column, or the key, cannot follow.
    """
    here = {each.name: each.type for each in landings(session, table.sql)}
    native = {column.name: column.is_native for column in shape.columns}
    there = {
        # The type that the table has is as good as the one that we would choose for it.
        each.name: here[each.name]
        if not native[each.name] and _holds(here.get(each.name), each.type)
        else each.type
        for each in wanted
    }
    found = drift.compare(here, there)
    if found.refused:
        sentences = [
            f"column {name} is {old} in the warehouse and {new} in stream {shape.stream}"
            for name, old, new in found.refused
        ]
        raise CannotLoad(
            f"table {table}: {'; '.join(sentences)}: no value may be lost or bent, so change the "
            f"table by hand (ALTER TABLE {table.sql} ALTER COLUMN … TYPE … USING …), or drop it "
            "to have it loaded again"
        )
    changes = [f"ADD COLUMN {quote(name)} {there[name]}" for name in found.added]
    changes += [f"ALTER COLUMN {quote(name)} TYPE {new}" for name, new in found.widened]
    if has_key and shape.keys:
        changes += _key_changes(session, table, shape)
    if changes:
        _alter(session, table, shape, changes)
        logger.warning("%s: %s", table, "; ".join(changes))
    describe(session, table, shape)


def _holds(here: str | None, wanted: str) -> bool:
    """Say whether a column may stay as it is, although a new one would be made otherwise."""
    return here is not None and drift.is_wider(wanted, here)


def _key_changes(
    session: psycopg.Connection, table: TableName, shape: Shape
) -> list[str]:
    row = session.execute(_KEY, [table.sql]).fetchone()
    key = row[0] if row else None
    if key is None:
        return [f"ADD PRIMARY KEY ({', '.join(map(quote, shape.keys))})"]
    if set(key) != set(shape.keys):
        raise CannotLoad(
            f"table {table}: its primary key is ({', '.join(key)}), and stream {shape.stream} has "
            f"key_properties ({', '.join(shape.keys)}): change one, or drop the table to have it "
            "loaded again"
        )
    return []


def _alter(
    session: psycopg.Connection, table: TableName, shape: Shape, changes: list[str]
) -> None:
    statement = f"ALTER TABLE {table.sql} {', '.join(changes)}"
    try:
        patiently(session, lambda: session.execute(statement))
    except errors.FeatureNotSupported as error:
        raise CannotLoad(
            f"table {table}: stream {shape.stream} has changed, which views in the warehouse "
            f"prevent here: {one_line(error)}. Drop them, run again, and run the transformations"
        ) from None
    except psycopg.Error as error:
        raise CannotLoad(
            f"table {table}: {'; '.join(changes)}: {one_line(error)}"
        ) from None


def patiently(session: psycopg.Connection, change: Callable[[], _T]) -> _T:
    """Run a change that needs locks, so that no reader waits behind it for long.

    Args:
        session: A session on the warehouse, in autocommit.
        change: What to do, in one transaction; may be called several times.

    Returns:
        What the change returns.

    Raises:
        CannotLoad: If somebody has held the locks all the time.
    """
    for attempt in range(1, _TRIES + 1):
        try:
            with session.transaction():
                session.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
                return change()
        except (errors.LockNotAvailable, errors.DeadlockDetected, _LocksTimeout):
            if attempt in (1, _TRIES // 2):
                logger.warning("waiting for a lock on tables that somebody else uses")
            time.sleep(_PAUSE)
    raise CannotLoad(
        "somebody has used the tables all the time, and they could not be changed: look for long "
        "transactions in pg_stat_activity, and run again; the previous content is still there"
    )


class _LocksTimeout(Exception):
    """Several locks together took too long."""


def lock(session: psycopg.Connection, tables: list[TableName]) -> None:
    """Lock tables against readers, all within less than a second or not at all.

    Args:
        session: A session on the warehouse, in the transaction of `patiently`.
        tables: Which.

    Raises:
        _LocksTimeout: If readers hold one for longer.
    """
    if not tables:
        return
    listed = ", ".join(table.sql for table in sorted(tables))
    session.execute(f"SET LOCAL statement_timeout = '{_LOCKS_TIMEOUT}'")
    try:
        session.execute(f"LOCK TABLE {listed} IN ACCESS EXCLUSIVE MODE")
    except errors.QueryCanceled:
        raise _LocksTimeout from None
    session.execute("SET LOCAL statement_timeout = 0")


def open_schema(session: psycopg.Connection, schema: str, reader: str) -> None:
    """Let readers enter a schema.

    Args:
        session: A session on the warehouse.
        schema: The schema.
        reader: The role; nothing happens if there is none.
    """
    row = session.execute(
        "SELECT has_schema_privilege(rolname, %s, 'USAGE')"
        " FROM pg_catalog.pg_roles WHERE rolname = %s",
        [schema, reader],
    ).fetchone()
    if row == (False,):
        session.execute(f"GRANT USAGE ON SCHEMA {quote(schema)} TO {quote(reader)}")
