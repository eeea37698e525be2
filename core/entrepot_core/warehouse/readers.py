"""What readers may do with tables: read them and see their keys, and reference none of them.

`information_schema` shows a table's keys to whoever has a right on it beside SELECT, and it is
there that Metabase looks for them. REFERENCES on a whole table would let a reader stop loads by a
foreign key, and on servers before PostgreSQL 18 run code as the role that deletes a row, by a
deferred trigger behind ON DELETE CASCADE. On one column that alone is no key it shows them, too.
"""

from __future__ import annotations

from itertools import groupby

import psycopg

from entrepot_core.postgres import queries
from entrepot_core.postgres.identifiers import TableName, quote

_COLUMNS = queries.read("entrepot_core", "referable_columns")
_PORTION = 100  # tables that a statement names
_RIGHTS = """
SELECT pg_catalog.has_table_privilege(%(role)s, to_regclass(%(table)s), 'SELECT'),
    pg_catalog.has_table_privilege(%(role)s, to_regclass(%(table)s), 'REFERENCES'),
    pg_catalog.has_any_column_privilege(%(role)s, to_regclass(%(table)s), 'REFERENCES')
FROM pg_catalog.pg_roles WHERE rolname = %(role)s
"""


def show_schemas(
    connection: psycopg.Connection, schemas: list[str], reader: str
) -> None:
    """Let a reader read all tables of schemas, and see their keys.

    Args:
        connection: A session that may act as the tables' owner, in autocommit.
        schemas: The schemas.
        reader: An existing role.
    """
    for schema in schemas:
        everything = f"ON ALL TABLES IN SCHEMA {quote(schema)}"
        # Default privileges may have given more.
        connection.execute(
            f"REVOKE REFERENCES, TRIGGER {everything} FROM PUBLIC, {quote(reader)}"
        )
        connection.execute(f"GRANT SELECT {everything} TO {quote(reader)}")
    found = connection.execute(_COLUMNS, {"schemas": schemas, "table": None}).fetchall()
    for column, rows in groupby(found, key=lambda row: row[2]):
        tables = [TableName(schema, name).sql for schema, name, _ in rows]
        for first in range(0, len(tables), _PORTION):
            connection.execute(
                f"GRANT REFERENCES ({quote(column)}) ON TABLE"
                f" {', '.join(tables[first : first + _PORTION])} TO {quote(reader)}"
            )


def show_table(connection: psycopg.Connection, table: TableName, reader: str) -> None:
    """Let a reader read a table or view, and see its keys, unless it can.

    Args:
        connection: A session of its owner's.
        table: The table or view.
        reader: The role; nothing happens if there is none.
    """
    row = connection.execute(_RIGHTS, {"role": reader, "table": table.sql}).fetchone()
    if row is None:
        return
    reads, references, sees_keys = row
    if references:  # as an earlier release gave it
        connection.execute(
            f"REVOKE REFERENCES ON {table.sql} FROM PUBLIC, {quote(reader)}"
        )
    if not reads:
        connection.execute(f"GRANT SELECT ON {table.sql} TO {quote(reader)}")
    if references or not sees_keys:
        found = connection.execute(_COLUMNS, {"schemas": [], "table": table.sql})
        for _, _, column in found.fetchall():
            connection.execute(
                f"GRANT REFERENCES ({quote(column)}) ON {table.sql} TO {quote(reader)}"
            )
