"""The changes, applied in place in one transaction: readers see one night or the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import psycopg

from entrepot_core.postgres.identifiers import TableName, literal, quote
from pg_replica.delta.comparison import Counts, Doubt
from pg_replica.delta.working import Working

_LOCK_TIMEOUT = "5s"  # for writers; readers are never met
_SHORT_LOCK_TIMEOUT = "150ms"
_TABLES_A_STATEMENT = 300
_HAS_KEY = """
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = %s::regclass AND i.indisunique
    AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
)
"""


def lock(session: psycopg.Connection, tables: list[Working]) -> str:
    """Begin the transaction, and keep writers out of the tables until its end.

    Args:
        session: A session of the replica's role, in autocommit.
        tables: The tables.

    Returns:
        The transaction's number.
    """
    session.execute("BEGIN")
    # This COMMIT is the one that must survive a crash of the server.
    session.execute("SET LOCAL synchronous_commit = on")
    session.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
    names = [table.live.sql for table in tables]
    for first in range(0, len(names), _TABLES_A_STATEMENT):
        listed = ", ".join(
            f"ONLY {name}" for name in names[first : first + _TABLES_A_STATEMENT]
        )
        session.execute(f"LOCK TABLE {listed} IN SHARE ROW EXCLUSIVE MODE")
    row = session.execute("SELECT pg_catalog.pg_current_xact_id()::text").fetchone()
    assert row is not None
    return str(row[0])


def apply(
    session: psycopg.Connection, tables: Iterable[tuple[Working, Counts]]
) -> None:
    """Apply what was listed: in all tables deletes, then updates, then inserts.

    Args:
        session: The session of `lock`.
        tables: The tables, with what is to be done.

    Raises:
        Doubt: If a statement finds another number of rows than was listed.
    """
    session.execute("SET CONSTRAINTS ALL DEFERRED")
    changed = [(table, counts) for table, counts in tables if not counts.is_nothing]
    for table, counts in changed:
        _delete(session, table, counts)
    for table, counts in changed:
        _update(session, table, counts.updated - counts.moved)
    for table, counts in changed:
        _insert(session, table, counts.inserted + counts.moved)
    session.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _delete(session: psycopg.Connection, table: Working, counts: Counts) -> None:
    wanted = counts.deleted + counts.moved
    if wanted:
        statement = (
            f"DELETE FROM ONLY {table.live.sql} AS t USING ("
            f" SELECT there FROM {table.staged('gone')}"
            f" UNION ALL SELECT there FROM {table.staged('todo')} WHERE is_moved) AS g"
            " WHERE t.ctid = g.there"
        )
        _do(session, table, statement, wanted)


def _update(session: psycopg.Connection, table: Working, wanted: int) -> None:
    if not wanted:
        return
    fixed = {*table.moving, *table.key}
    names = [quote(name) for name in table.copied if name not in fixed]
    statement = (
        f"UPDATE ONLY {table.live.sql} AS t SET"
        f" {', '.join(f'{name} = s.{name}' for name in names)}"
        f" FROM {table.staged('todo')} AS d JOIN {table.staged('rows')} AS s"
        " ON s.ctid = d.here WHERE t.ctid = d.there AND NOT d.is_moved"
    )
    _do(session, table, statement, wanted)


def _insert(session: psycopg.Connection, table: Working, wanted: int) -> None:
    if not wanted:
        return
    names = [quote(name) for name in table.copied]
    statement = (
        f"INSERT INTO {table.live.sql} ({', '.join(names)}) OVERRIDING SYSTEM VALUE"
        f" SELECT {', '.join(f's.{name}' for name in names)}"
        f" FROM {table.staged('todo')} AS d JOIN {table.staged('rows')} AS s"
        " ON s.ctid = d.here WHERE d.there IS NULL OR d.is_moved"
    )
    _do(session, table, statement, wanted)


def _do(
    session: psycopg.Connection, table: Working, statement: str, wanted: int
) -> None:
    found = session.execute(statement.encode()).rowcount
    if found != wanted:
        raise Doubt(
            f"table {table.name}: {found} rows were changed instead of {wanted}"
        )


def set_sequences(
    session: psycopg.Connection,
    wanted: Mapping[TableName, tuple[int, bool]],
    found: Mapping[TableName, tuple[int, bool]],
) -> None:
    """Give the sequences the source's values, so that a ROLLBACK takes them back.

    Args:
        session: The session of `lock`.
        wanted: The values by sequence of the replica.
        found: Those that it has.
    """
    for name, (value, is_used) in wanted.items():
        if found.get(name) == (value, is_used):
            continue
        # A sequence that was restarted has a new file until the transaction ends: setval is then
        # undone with it, which it would not be otherwise.
        session.execute(f"ALTER SEQUENCE {name.sql} RESTART")
        session.execute(
            f"SELECT pg_catalog.setval({literal(name.sql)}::regclass, %s, %s)",
            [value, is_used],
        )


def refresh(session: psycopg.Connection, views: Iterable[TableName]) -> None:
    """Refresh materialized views, last: what has no unique index is locked until the COMMIT.

    Args:
        session: The session of `lock`.
        views: In the order in which they were made.
    """
    for view in views:
        row = session.execute(_HAS_KEY, [view.sql]).fetchone()
        if row == (True,):
            session.execute(f"REFRESH MATERIALIZED VIEW CONCURRENTLY {view.sql}")
            continue
        session.execute(f"SET LOCAL lock_timeout = '{_SHORT_LOCK_TIMEOUT}'")
        session.execute(f"REFRESH MATERIALIZED VIEW {view.sql}")
        session.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
