"""Tables that survive a crash: on the warehouse none is unlogged, whatever the source says."""

from __future__ import annotations

import psycopg

from entrepot_core.postgres.identifiers import TableName

_UNLOGGED = """
SELECT n.nspname, c.relname, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relpersistence = 'u' AND c.relkind = ANY (%s) AND n.nspname = ANY (%s)
AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e WHERE e.deptype = 'e'
    AND e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid)
ORDER BY c.oid
"""


def make_logged(connection: psycopg.Connection, schemas: list[str]) -> list[TableName]:
    """Make the landing's unlogged tables and sequences logged, while they are empty.

    Args:
        connection: A session on the warehouse, in autocommit.
        schemas: The landing's schemas.

    Returns:
        The tables.
    """
    changed = []
    for kind in ("r", "S"):  # a table takes the sequences of its columns along
        for schema, name, word in connection.execute(
            _UNLOGGED, [[kind], schemas]
        ).fetchall():
            relation = TableName(schema, name)
            connection.execute(f"ALTER {word} {relation.sql} SET LOGGED")
            if kind == "r":
                changed.append(relation)
    return changed
