"""Partners' rows: each role reads those of the organisations that `external_rows` gives it.

The policies are made on tables that nobody reads yet. They call a function of the owner's, so that
no partner can read who else there is; it is in `entrepot_ops`, which no reader may use, and gets
the reader's name from the policy: `SET ROLE` counts. The owner itself is not bound (no FORCE): it
verifies and copies every row, and no reader may become it.
"""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from entrepot_core.base.errors import RunFailed
from entrepot_core.postgres.identifiers import TableName, quote
from pg_replica.external.seal import EVERYONE, ExternalTable

_POLICY = "rows_of_the_reader"
_ROWS = "SELECT role_name::text, organization_id FROM entrepot_ops.external_rows"


def mapped_roles(connection: psycopg.Connection) -> list[str]:
    """List the roles to which rows are given.

    Args:
        connection: A session of the owner's.

    Returns:
        Their names.
    """
    query = "SELECT DISTINCT role_name::text FROM entrepot_ops.external_rows ORDER BY 1"
    return [row[0] for row in connection.execute(query)]


def copy_mapping(source: psycopg.Connection, target: psycopg.Connection) -> None:
    """Give another database the same mapping.

    Args:
        source: A session on the warehouse.
        target: A session on the other database, in autocommit.
    """
    rows = source.execute(_ROWS).fetchall()
    with target.transaction(), target.cursor() as cursor:
        cursor.execute("DELETE FROM entrepot_ops.external_rows")
        cursor.executemany(
            "INSERT INTO entrepot_ops.external_rows (role_name, organization_id)"
            " VALUES (%s, %s)",
            rows,
        )


def protect(
    connection: psycopg.Connection,
    schema: str,
    tables: Iterable[ExternalTable],
    *,
    wanted: bool,
) -> None:
    """Make the policies of tables that nobody reads yet, or take them away.

    Args:
        connection: A session of the owner's, in autocommit.
        schema: Where the tables are.
        tables: The contract.
        wanted: Whether readers see their own organisation's rows only.

    Raises:
        RunFailed: If a table does not say whose rows it holds.
    """
    for table in tables:
        name = TableName(schema, table.name)
        with connection.transaction():
            connection.execute(f"DROP POLICY IF EXISTS {_POLICY} ON {name.sql}")
            if wanted and table.rows_of != EVERYONE:
                column = _column(connection, name, table)
                connection.execute(f"ALTER TABLE {name.sql} ENABLE ROW LEVEL SECURITY")
                connection.execute(
                    f"CREATE POLICY {_POLICY} ON {name.sql} FOR SELECT"
                    f" USING ({_expression(column)})"
                )
            else:
                connection.execute(f"ALTER TABLE {name.sql} DISABLE ROW LEVEL SECURITY")


def _column(
    connection: psycopg.Connection, name: TableName, table: ExternalTable
) -> str:
    row = connection.execute(
        "SELECT true FROM pg_catalog.pg_attribute WHERE attrelid = %s::regclass"
        " AND attname = %s AND attnum > 0 AND NOT attisdropped",
        [name.sql, table.rows_of],
    ).fetchone()
    if table.rows_of is None or row is None:
        said = "does not say" if table.rows_of is None else f"says {table.rows_of!r},"
        raise RunFailed(
            f"model {table.name} {said} whose rows it holds, and EXTERNAL_ROW_SECURITY is true",
            "give its `config: meta: rows_of:` one of its columns, or `everyone`",
        )
    return quote(table.rows_of)


def _expression(column: str) -> str:
    """Write the condition; the sub-selects are computed once a query, not once a row."""
    own = "SELECT entrepot_ops.external_rows_of(current_user)"
    return (
        f"(SELECT pg_catalog.array_position(({own}), NULL::bigint) IS NOT NULL)"
        f" OR {column} = ANY (({own})::bigint[])"
    )
