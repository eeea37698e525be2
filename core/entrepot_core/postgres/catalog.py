"""What the catalogs say of a database: tables to copy, and facts to compare."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg

from entrepot_core.postgres import queries
from entrepot_core.postgres.identifiers import TableName

# Schemas of PostgreSQL itself; every other one is replicated.
USER_SCHEMAS = (
    "n.nspname <> 'information_schema'"
    " AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'"
)
NOT_AN_EXTENSIONS = (
    "NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e WHERE e.deptype = 'e'"
    " AND e.classid = '{classid}'::regclass AND e.objid = {oid})"
)
_FIRST_USER_OID = (
    16384  # PostgreSQL's FirstNormalObjectId: the same type has it everywhere below
)

Fact = tuple[str, str, str, str]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its name.
        type: As `format_type` spells it.
        type_oid: Its type's OID in its own database.
        generated: Whether it is computed from the others, and so never copied.
        in_key: Whether it is part of the primary key.
        collated: Whether its order depends on a collation, and so on the server.
    """

    name: str
    type: str
    type_oid: int
    generated: bool
    in_key: bool
    collated: bool


@dataclass(frozen=True)
class Table:
    """A table that holds rows of its own.

    Attributes:
        oid: Its OID.
        name: Its name.
        size: Size of its rows on disk, indexes not counted.
        blocks: The same in pages.
        filenode: Its file on disk: another one after a TRUNCATE or a rewrite.
        readable: Whether we may read it.
        row_security: Whether rows would be hidden from us.
        columns: In order.
    """

    oid: int
    name: TableName
    size: int
    blocks: int
    filenode: int
    readable: bool
    row_security: bool
    columns: tuple[Column, ...]


def tables(
    connection: psycopg.Connection, schemas: Iterable[str] | None = None
) -> list[Table]:
    """List the tables that hold rows, the extensions' own left out.

    Args:
        connection: A session on the database.
        schemas: Only these; None for all but PostgreSQL's own.

    Returns:
        The tables, the biggest first.
    """
    columns = _columns(connection)
    rows = connection.execute(
        "SELECT c.oid, n.nspname, c.relname, pg_catalog.pg_relation_size(c.oid)"
        " + coalesce(pg_catalog.pg_relation_size(nullif(c.reltoastrelid, 0)), 0),"
        " pg_catalog.pg_relation_size(c.oid) / current_setting('block_size')::int,"
        " pg_catalog.pg_relation_filenode(c.oid),"
        " pg_catalog.has_table_privilege(c.oid, 'SELECT')"
        " AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'),"
        " pg_catalog.row_security_active(c.oid)"
        " FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        f" WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {USER_SCHEMAS}"
        " AND (%(schemas)s::text[] IS NULL OR n.nspname = ANY (%(schemas)s))"
        f" AND {NOT_AN_EXTENSIONS.format(classid='pg_catalog.pg_class', oid='c.oid')}"
        " ORDER BY 4 DESC, 2, 3",
        {"schemas": list(schemas) if schemas is not None else None},
    ).fetchall()
    return [
        Table(
            oid=oid,
            name=TableName(schema, name),
            size=size,
            blocks=blocks,
            filenode=filenode,
            readable=readable,
            row_security=row_security,
            columns=tuple(columns[oid]),
        )
        for oid, schema, name, size, blocks, filenode, readable, row_security in rows
    ]


def table_columns(connection: psycopg.Connection) -> dict[TableName, list[str]]:
    """List every table's columns by name, partitioned tables included: policies name them.

    Args:
        connection: A session on the database.

    Returns:
        The columns of each table.
    """
    found: dict[TableName, list[str]] = {}
    for schema, table, names in connection.execute(
        "SELECT n.nspname, c.relname,"
        " coalesce(pg_catalog.array_agg(a.attname::text ORDER BY a.attnum)"
        " FILTER (WHERE a.attname IS NOT NULL), '{}')"
        " FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        " LEFT JOIN pg_catalog.pg_attribute AS a"
        " ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        f" WHERE c.relkind IN ('r', 'p') AND {USER_SCHEMAS} GROUP BY 1, 2"
    ):
        found[TableName(schema, table)] = names
    return found


def _columns(connection: psycopg.Connection) -> dict[int, list[Column]]:
    """List the columns of every table by the table's OID."""
    columns: dict[int, list[Column]] = defaultdict(list)
    for relation, *figures in connection.execute(
        "SELECT a.attrelid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),"
        " a.atttypid, a.attgenerated <> '',"
        " coalesce(a.attnum = ANY (i.indkey::int2[]), false), a.attcollation <> 0"
        " FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid"
        " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        " LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = c.oid AND i.indisprimary"
        f" WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND {USER_SCHEMAS}"
        " ORDER BY a.attrelid, a.attnum"
    ):
        columns[relation].append(Column(*figures))
    return columns


def populated_materialized_views(connection: psycopg.Connection) -> set[TableName]:
    """List the materialized views that hold rows.

    Args:
        connection: A session on the database.

    Returns:
        Their names.
    """
    return {
        TableName(schema, name)
        for schema, name in connection.execute(
            "SELECT n.nspname, c.relname FROM pg_catalog.pg_class AS c"
            " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
            f" WHERE c.relkind = 'm' AND c.relispopulated AND {USER_SCHEMAS}"
        )
    }


class BinarySafety:
    """Says which types have the same binary form on both servers.

    A binary array or row holds the OIDs of its element types, which differ from one database to
    the next for types that users made; `reg*` values are OIDs themselves. Those go as text.
    """

    def __init__(self, connection: psycopg.Connection) -> None:
        """Read the types.

        Args:
            connection: A session on the source.
        """
        self._types = {
            oid: (kind, element, base, subtype, is_array, reads, name)
            for oid, kind, element, base, subtype, is_array, reads, name in connection.execute(
                "SELECT t.oid, t.typtype, t.typelem, t.typbasetype, coalesce(r.rngsubtype, 0),"
                " t.typcategory = 'A' AND t.typelem <> 0,"
                " t.typsend <> 0 AND t.typreceive <> 0, t.typname"
                " FROM pg_catalog.pg_type AS t LEFT JOIN pg_catalog.pg_range AS r"
                " ON r.rngtypid = t.oid"
            )
        }

    def __call__(self, type_oid: int) -> bool:
        """Say whether a type is safe.

        Args:
            type_oid: The type's OID on the source.

        Returns:
            Whether its binary form is the same on every server.
        """
        kind, element, base, subtype, is_array, has_functions, name = self._types[
            type_oid
        ]
        if not has_functions:
            return False
        if is_array:
            return element < _FIRST_USER_OID and self(element)
        if kind == "d":
            return self(base)
        if kind == "r":
            return self(subtype)
        if kind == "e":
            return True
        return type_oid < _FIRST_USER_OID and kind == "b" and not name.startswith("reg")


# A partition's identity columns are its parent's: from PostgreSQL 17 on they say so themselves.
_FACTS = queries.read("entrepot_core", "facts")


def facts(connection: psycopg.Connection, schemas: Iterable[str]) -> set[Fact]:
    """Describe a database in lines that two versions of PostgreSQL write alike.

    Args:
        connection: A session on the database; its `search_path` is empty.
        schemas: The schemas to describe.

    Returns:
        One tuple (kind, schema, object, detail) for each relation, column, constraint, index,
        trigger, routine and type that no extension owns.
    """
    wanted = set(schemas)
    return {
        tuple("" if part is None else str(part) for part in row)  # type: ignore[misc]
        for row in connection.execute(_FACTS)
        if row[1] in wanted
    }


def sequences(connection: psycopg.Connection) -> dict[TableName, tuple[int, bool]]:
    """Read every sequence's value and whether it was ever used.

    Args:
        connection: A session on the database.

    Returns:
        The values that `setval` wants, by sequence.
    """
    not_an_extension_s = NOT_AN_EXTENSIONS.format(
        classid="pg_catalog.pg_class", oid="c.oid"
    )
    names = [
        TableName(schema, name)
        for schema, name in connection.execute(
            "SELECT n.nspname, c.relname FROM pg_catalog.pg_class AS c"
            " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
            f" WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND {USER_SCHEMAS}"
            f" AND {not_an_extension_s}"
            " AND CASE WHEN c.relkind = 'S'"
            " THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT') END"
        )
    ]
    if not names:
        return {}
    values = " UNION ALL ".join(
        f"SELECT {place}, last_value, is_called FROM {name.sql}"
        for place, name in enumerate(names)
    )
    return {
        names[place]: (value, used) for place, value, used in connection.execute(values)
    }
