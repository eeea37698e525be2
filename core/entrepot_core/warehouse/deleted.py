"""Rows of an append table that the source has deleted, and that stay: marked, not taken away.

A table with `keep_deleted` in the table policy has a column more than the source's. It is NULL in
each row that the source has, and says when a row was found to be gone there. Columns that are
personal are emptied in such a row. A row that comes back, by its key, takes the place of the one
that was kept.
"""

from __future__ import annotations

from collections.abc import Collection

import psycopg

from entrepot_core.postgres.identifiers import TableName, quote
from entrepot_core.warehouse import references
from entrepot_core.warehouse.references import Reference

COLUMN = "_deleted_at"
_COMMENT = "When a load or an audit found that the source has no such row any more"
_EXISTS = """
SELECT FROM pg_catalog.pg_attribute
WHERE attrelid = to_regclass(%s) AND attname = %s AND NOT attisdropped
"""
_REQUIRED = """
SELECT attname::text FROM pg_catalog.pg_attribute
WHERE attrelid = to_regclass(%s) AND attname = ANY (%s) AND attnotnull
"""
_IS_VIEW = (
    "SELECT FROM pg_catalog.pg_class WHERE oid = to_regclass(%s) AND relkind = 'v'"
)


def problems(
    table: TableName,
    columns: Collection[str],
    generated: Collection[str],
    key: Collection[str],
    personal: Collection[str],
) -> list[str]:
    """Say what keeps a table's deleted rows from staying.

    Args:
        table: The table on the source.
        columns: Its columns there.
        generated: Those that are computed from others.
        key: Those that tell rows apart, and the replication key.
        personal: Those that must be emptied in a row that stays.

    Returns:
        One sentence each, with what to do.
    """
    found = [
        f"table {table}: column {name} is of its key, and cannot be emptied in rows that stay "
        "(keep_deleted): pseudonymise it, or do not keep the rows"
        for name in personal
        if name in key
    ]
    found += [
        f"table {table}: column {name} is computed, and cannot be emptied in rows that stay "
        "(keep_deleted): name the columns that it is computed from as personal, or exclude it"
        for name in personal
        if name in generated
    ]
    if COLUMN in columns:
        found.append(
            f"table {table}: the source has a column {COLUMN}, which is what rows that stay are "
            "marked by (keep_deleted): rename it there, or exclude it"
        )
    return found


def is_kept(session: psycopg.Connection, table: TableName) -> bool:
    """Say whether a table has the column.

    Args:
        session: A session on the warehouse.
        table: The append table.

    Returns:
        Whether it has.
    """
    return session.execute(_EXISTS, [table.sql, COLUMN]).fetchone() is not None


def make_room(
    session: psycopg.Connection, table: TableName, live: TableName, personal: list[str]
) -> None:
    """Give a table the column, and let its personal columns be NULL; nothing if it is so already.

    Args:
        session: A session of the table's owner.
        table: The append table.
        live: The view on it that readers know, which may be missing.
        personal: The columns that are emptied in a row that stays.
    """
    if not is_kept(session, table):
        name = quote(COLUMN)
        session.execute(
            f"ALTER TABLE {table.sql} ADD COLUMN {name} pg_catalog.timestamptz"
        )
        session.execute(f"COMMENT ON COLUMN {table.sql}.{name} IS '{_COMMENT}'")
        if session.execute(_IS_VIEW, [live.sql]).fetchone() is not None:
            session.execute(
                f"CREATE OR REPLACE VIEW {live.sql} AS SELECT * FROM {table.sql}"
            )
    for (required,) in session.execute(_REQUIRED, [table.sql, personal]).fetchall():
        session.execute(
            f"ALTER TABLE {table.sql} ALTER COLUMN {quote(required)} DROP NOT NULL"
        )


def put_in_place(
    session: psycopg.Connection,
    table: TableName,
    arriving: str,
    columns: list[str],
    key: list[str],
    replaced: str | None,
    personal: list[str],
) -> str | None:
    """Put rows in the place of a table's; what is not among them any more is marked, and stays.

    Args:
        session: A session of the table's owner, in a transaction.
        table: The append table; it has the column.
        arriving: The table of the new rows, as SQL names it.
        columns: Those that the new rows have.
        key: The columns that tell rows apart; empty when none do. A row that has changed is then
            one that is gone and one that is new.
        replaced: The condition on the table's rows of which the new ones are all; None to mark
            none.
        personal: The columns to empty in a row that is marked.

    Returns:
        What could not be made as the source's, because of foreign keys of others; None if nothing.
    """
    listed = ", ".join(map(quote, columns))
    if replaced is not None:
        _mark(session, table, arriving, columns, key, replaced, personal)
    if found := references.on_table(session, table):
        return _in_spite_of(session, table, arriving, columns, key, found)
    if replaced is not None:
        session.execute(
            f"DELETE FROM {table.sql} WHERE ({replaced}) AND {quote(COLUMN)} IS NULL"
        )
    if key:
        session.execute(
            f"DELETE FROM {table.sql} AS t USING {arriving} AS a WHERE {_same(key)}"
        )
    session.execute(
        f"INSERT INTO {table.sql} ({listed}) SELECT {listed} FROM {arriving}"
    )
    return None


def _mark(
    session: psycopg.Connection,
    table: TableName,
    arriving: str,
    columns: list[str],
    key: list[str],
    replaced: str,
    personal: list[str],
) -> None:
    """Mark the rows that are not among the new ones."""
    emptied = "".join(f", {quote(name)} = NULL" for name in personal)
    change = f"UPDATE {table.sql} AS t SET {quote(COLUMN)} = pg_catalog.now(){emptied}"
    ours = f"({replaced}) AND t.{quote(COLUMN)} IS NULL"
    if key:
        session.execute(
            f"{change} WHERE {ours}"
            f" AND NOT EXISTS (SELECT FROM {arriving} AS a WHERE {_same(key)})"
        )
        return
    # Rows that nothing tells apart: as many stay unmarked as have arrived.
    text = ", ".join(f"t.{quote(name)}" for name in columns)
    rows = (
        f"SELECT t.ctid AS place, ROW({text})::pg_catalog.text AS line,"
        f" pg_catalog.row_number() OVER (PARTITION BY ROW({text})::pg_catalog.text) AS nth"
    )
    session.execute(
        f"{change} FROM (SELECT o.place FROM ({rows} FROM {table.sql} AS t WHERE {ours}) AS o"
        f" LEFT JOIN ({rows} FROM {arriving} AS t) AS n USING (line, nth)"
        " WHERE n.line IS NULL) AS gone WHERE t.ctid = gone.place"
    )


def _in_spite_of(
    session: psycopg.Connection,
    table: TableName,
    arriving: str,
    columns: list[str],
    key: list[str],
    found: list[Reference],
) -> str | None:
    """Put rows in place where others refer to the table: none goes, so none keeps us."""
    said = references.put_in_place(session, table, arriving, columns, key, None, found)
    session.execute(
        f"UPDATE {table.sql} AS t SET {quote(COLUMN)} = NULL FROM {arriving} AS a"
        f" WHERE {_same(key or found[0].columns)} AND t.{quote(COLUMN)} IS NOT NULL"
    )
    return said


def _same(key: list[str]) -> str:
    return " AND ".join(f"t.{quote(name)} = a.{quote(name)}" for name in key)
