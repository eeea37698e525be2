"""What the warehouse's catalogs say of a replica's tables."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timezone
from fnmatch import fnmatchcase

import psycopg

from entrepot_core.base.errors import Refused
from entrepot_core.postgres import queries
from entrepot_core.postgres.identifiers import PUBLIC, TableName, quote
from entrepot_core.warehouse.schemas import Naming

# Rows of a table whose newest row is looked for without an index.
_SMALL = 100_000
_PUBLISHED = """
SELECT p.schemas FROM entrepot_ops.publications AS p JOIN entrepot_ops.runs AS r USING (run_id)
WHERE p.schemas[1] = %s AND r.command = 'run' ORDER BY run_id DESC LIMIT 1
"""
# Words that need quotes as a column's name or alias.
_KEYWORDS = "SELECT word FROM pg_catalog.pg_get_keywords() WHERE catcode <> 'U'"


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: As the source calls it.
        number: Its place, from 1.
        cast_to: The type that people read it as; None for its own.
        is_time: Whether it is a date or a time.
        is_indexed: Whether an index begins with it.
        comment: What the source says of it.
    """

    name: str
    number: int
    cast_to: str | None
    is_time: bool
    is_indexed: bool
    comment: str | None


@dataclass(frozen=True)
class Reference:
    """A foreign key of one column.

    Attributes:
        column: The column.
        table: What it refers to.
        referred: The column there.
    """

    column: str
    table: TableName
    referred: str


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: Its schema in the warehouse, and its name.
        comment: What the source says of it.
        row_count: As the planner estimates.
        columns: In order.
        key: What tells rows apart; empty where nothing does.
        references: Its foreign keys of one column.
    """

    name: TableName
    comment: str | None
    row_count: float
    columns: tuple[Column, ...] = ()
    key: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Replica:
    """A replica as it is published.

    Attributes:
        schema: Its schema.
        tables: Those that were asked for.
        keywords: Words that cannot be names without quotes.
    """

    schema: str
    tables: list[Table]
    keywords: frozenset[str] = field(default=frozenset())


def read(session: psycopg.Connection, replica: str, patterns: list[str]) -> Replica:
    """Read the tables.

    Args:
        session: A session of the warehouse's owner.
        replica: The replica's schema.
        patterns: Which tables, as `orders` or `sales.*`; all where there are none.

    Returns:
        The tables that have columns.

    Raises:
        Refused: If there is no replica of that name, or no table of a pattern.
    """
    schemas = _published(session, replica)
    keywords = frozenset(row[0] for row in session.execute(_KEYWORDS).fetchall())
    rows = session.execute(
        queries.read("entrepot_ops", "replica_tables"),
        {
            "schemas": schemas,
            "replica": replica,
            "incremental": Naming(replica).incremental,
        },
    ).fetchall()
    all_names = [TableName(schema, name) for schema, name, *_ in rows]
    wanted = _chosen(all_names, replica, patterns)
    rows = [row for row in rows if TableName(row[0], row[1]) in wanted]
    by_oid = {oid: TableName(row[0], row[1]) for row in rows for oid in row[2:4]}
    columns, keys, references = _details(session, by_oid)
    tables = [
        Table(
            TableName(schema, name),
            comment,
            row_count,
            tuple(columns[described_by]),
            tuple(keys.get(described_by, ())),
            tuple(references[described_by]),
        )
        for schema, name, described_by, _, comment, row_count in rows
    ]
    return Replica(replica, [each for each in tables if each.columns], keywords)


def _published(session: psycopg.Connection, replica: str) -> list[str]:
    there = session.execute(
        "SELECT to_regclass('entrepot_ops.publications')"
    ).fetchone()
    row = None
    if there and there[0]:
        row = session.execute(_PUBLISHED, [replica]).fetchone()
    if row is None:
        problem = (
            f"the warehouse has no replica {replica!r} yet: run a night first "
            "(meltano invoke ops nightly)"
        )
        raise Refused([problem])
    return list(row[0])


def _chosen(
    names: list[TableName], replica: str, patterns: list[str]
) -> frozenset[TableName]:
    """Keep the tables of some patterns: by name, or by the source's schema and name."""
    if not patterns:
        return frozenset(names)
    found: set[TableName] = set()
    for pattern in patterns:
        matching = {
            each
            for each in names
            if fnmatchcase(each.name, pattern)
            or fnmatchcase(f"{source_schema(each, replica)}.{each.name}", pattern)
        }
        if not matching:
            raise Refused([f"the replica {replica!r} has no table {pattern!r}"])
        found |= matching
    return frozenset(found)


def source_schema(table: TableName, replica: str) -> str:
    """Give the schema that a table has at the source.

    Args:
        table: The table in the warehouse.
        replica: The replica's schema.

    Returns:
        The schema's name there.
    """
    if table.schema == replica:
        return PUBLIC
    return table.schema.removeprefix(f"{replica}_")


def _details(
    session: psycopg.Connection, tables: dict[int, TableName]
) -> tuple[dict[int, list[Column]], dict[int, list[str]], dict[int, list[Reference]]]:
    columns: dict[int, list[Column]] = defaultdict(list)
    keys: dict[int, list[str]] = {}
    references: dict[int, list[Reference]] = defaultdict(list)
    parameters = {"tables": list(tables)}
    query = queries.read("entrepot_ops", "replica_columns")
    for oid, number, name, *rest in session.execute(query, parameters).fetchall():
        columns[oid].append(Column(name, number, *rest))
    query = queries.read("entrepot_ops", "replica_keys")
    for oid, kind, names, is_not_null, other, referred in session.execute(
        query, parameters
    ).fetchall():
        if kind == "f":
            if len(names) == 1 and other in tables:
                found = Reference(names[0], tables[other], referred[0])
                references[oid].append(found)
        elif kind == "p" or (is_not_null and oid not in keys):
            keys[oid] = names
    return columns, keys, references


def newest(
    session: psycopg.Connection, table: Table, column: Column
) -> datetime | None:
    """Find the newest row, where that costs little.

    Args:
        session: A session of the warehouse's owner.
        table: The table.
        column: When its rows are of.

    Returns:
        When it is of; None where there is none, or where it would cost a scan of a big table.
    """
    if not column.is_indexed and table.row_count > _SMALL:
        return None
    # As text: what lies beyond Python's years is no time that a freshness could be told by.
    row = session.execute(
        f"SELECT CASE WHEN pg_catalog.isfinite(found) AND found < 'tomorrow' AND"
        f" found > '2000-01-01' THEN pg_catalog.date_part('epoch', found) END"
        f" FROM (SELECT max({quote(column.name)}) AS found FROM {table.name.sql}) AS newest"
    ).fetchone()
    if row is None or row[0] is None:
        return None
    return datetime.fromtimestamp(row[0], timezone.utc)
