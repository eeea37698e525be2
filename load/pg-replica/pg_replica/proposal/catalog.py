"""What the source's catalog and statistics say of each table that a policy can name."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import TupleRow

from entrepot_core.postgres import queries
from entrepot_core.postgres.identifiers import TableName
from pg_replica.personal.model import ColumnFacts

_TABLES = queries.read("pg_replica", "tables_to_judge")
_COLUMNS = queries.read("pg_replica", "columns_to_judge")
_SINCE = (
    "SELECT stats_reset FROM pg_catalog.pg_stat_database"
    " WHERE datname = pg_catalog.current_database()"
)


@dataclass(frozen=True)
class SourceColumn:
    """A column.

    Attributes:
        facts: What the detector is told.
        in_key: Whether it is part of the primary key.
        is_key: Whether it is the whole primary key.
        parts: Whether its table is partitioned by it.
        referenced: Whether a foreign key has it on either side.
        generated: Whether it is computed from others.
        may_be_sampled: Whether its values can be read as text by the server's own functions alone.
        counts_up: Whether a sequence gives its values.
        not_null: Whether it always has a value.
        correlation: From -1 to 1, how far its order is that of the rows on disk; None if not known.
    """

    facts: ColumnFacts
    in_key: bool
    is_key: bool
    parts: bool
    referenced: bool
    generated: bool
    may_be_sampled: bool
    counts_up: bool
    not_null: bool
    correlation: float | None


@dataclass(frozen=True)
class SourceTable:
    """A table that holds rows, or the root of partitions that do.

    Attributes:
        name: Its name.
        comment: What its owner says of it.
        size: In bytes, its partitions counted, indexes not.
        rows: As estimated.
        inserted: Rows inserted since the statistics began.
        updated: Rows updated since then.
        deleted: Rows deleted since then.
        since: When the statistics began; None if the server does not say.
        sampled: The table or partition that is sampled; None where there is none.
        pages: Its size in pages.
        readable: Whether our role sees all its rows.
        has_expressions: Whether a plan would read expressions that the source's owner wrote.
        has_toast: Whether rows can be longer than a page.
        columns: In order.
    """

    name: TableName
    comment: str
    size: int
    rows: int
    inserted: int
    updated: int
    deleted: int
    since: datetime | None
    sampled: TableName | None
    pages: int
    readable: bool
    has_expressions: bool
    has_toast: bool
    columns: tuple[SourceColumn, ...]


def read(connection: psycopg.Connection) -> list[SourceTable]:
    """Read the catalog.

    Args:
        connection: A session whose `search_path` is empty.

    Returns:
        The tables in the order of their names; children of others only with columns of their own.
    """
    # Compiling the queries takes longer than running them.
    connection.execute("SET jit = off")
    columns: dict[int, list[SourceColumn]] = defaultdict(list)
    for oid, name, spelled, comment, own_type, *rest in connection.execute(
        _COLUMNS
    ).fetchall():
        facts = ColumnFacts(name, spelled, comment, own_type)
        columns[oid].append(SourceColumn(facts, *rest))
    row = connection.execute(_SINCE).fetchone()
    since = row[0] if row else None
    found = connection.execute(_TABLES).fetchall()
    connection.execute("RESET jit")
    return [_table(row, since, columns[row[0]]) for row in found if row[0] in columns]


def _table(
    row: TupleRow, since: datetime | None, columns: list[SourceColumn]
) -> SourceTable:
    _, schema, name, comment, size, rows, inserted, updated, deleted, *rest = row
    leaf_schema, leaf, pages, readable, has_expressions, has_toast = rest
    return SourceTable(
        name=TableName(schema, name),
        comment=comment,
        size=size,
        rows=rows,
        inserted=inserted,
        updated=updated,
        deleted=deleted,
        since=since,
        sampled=TableName(leaf_schema, leaf) if leaf is not None else None,
        pages=pages or 0,
        readable=readable,
        has_expressions=has_expressions,
        has_toast=has_toast,
        columns=tuple(columns),
    )
