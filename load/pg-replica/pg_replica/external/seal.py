"""What one whole build has made and tested for partners, as dbt's seal on `external_next` says it.

dbt breaks the seal, a comment on the schema, before it touches a table there, and sets it when
every table of the contract was made and every test passed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import psycopg

from entrepot_core.base.errors import RunFailed
from entrepot_core.postgres.identifiers import quote

EVERYONE = "everyone"
_KINDS = {"r": "TABLE", "p": "TABLE", "v": "VIEW", "m": "MATERIALIZED VIEW"}
_SUFFIX = "__dbt_tmp"  # dbt builds a table under this name, and its key keeps it


@dataclass(frozen=True)
class ExternalTable:
    """A table of the contract.

    Attributes:
        name: Its name.
        rows_of: The column that names the organisation whose row it is; `everyone` for rows that
            every partner may read; None where the model does not say.
    """

    name: str
    rows_of: str | None


@dataclass(frozen=True)
class Seal:
    """What the last whole build says of its tables.

    Attributes:
        text: The comment; that of another build is another.
        tables: The contract.
    """

    text: str
    tables: tuple[ExternalTable, ...]


def comment(connection: psycopg.Connection, schema: str) -> tuple[str | None] | None:
    """Read a schema's comment.

    Args:
        connection: A session on the database.
        schema: The schema.

    Returns:
        The comment in a tuple, None in it when there is none; None when there is no such schema.
    """
    return connection.execute(
        "SELECT pg_catalog.obj_description(oid, 'pg_namespace')"
        " FROM pg_catalog.pg_namespace WHERE nspname = %s",
        [schema],
    ).fetchone()


def wait_for_builders(connection: psycopg.Connection) -> None:
    """Hold off, until the end of the transaction, whoever would break the seal.

    Args:
        connection: A session in a transaction. Who was breaking it has done so when this returns.
    """
    connection.execute("LOCK TABLE entrepot_ops.external_build IN EXCLUSIVE MODE")


def read(connection: psycopg.Connection, schema: str) -> Seal | None:
    """Read the seal.

    Args:
        connection: A session on the warehouse.
        schema: Where the build is.

    Returns:
        The seal; None when there is no such schema, so nothing was built since the last
        publication.

    Raises:
        RunFailed: If what is there is not the work of one whole build.
    """
    row = comment(connection, schema)
    if row is None:
        return None
    text = row[0] or ""
    try:
        said = json.loads(text)
        tables = said["tables"]
        found = [ExternalTable(t["name"], t["rows_of"]) for t in tables]
    except (ValueError, TypeError, KeyError):
        raise RunFailed(
            f"schema {schema} is not the work of one whole build: nothing of it is published",
            "run `meltano invoke dbt:build` to its end, with every model and test passing",
        ) from None
    return Seal(text, tuple(sorted(found, key=lambda table: table.name)))


def tidy(connection: psycopg.Connection, schema: str, seal: Seal) -> None:
    """Leave nothing in the schema but the contract's tables, under their own names.

    Args:
        connection: A session on the warehouse, in autocommit.
        schema: Where the build is.
        seal: The contract.

    Raises:
        RunFailed: If a table of the contract is missing.
    """
    relations = connection.execute(
        "SELECT c.relname, c.relkind::text FROM pg_catalog.pg_class AS c"
        " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relkind = ANY (%s) ORDER BY c.relkind DESC, 1",
        [schema, list(_KINDS)],
    ).fetchall()
    wanted = {table.name for table in seal.tables}
    if missing := sorted(wanted - {name for name, kind in relations if kind == "r"}):
        raise RunFailed(
            f"tables of the contract are not in schema {schema}: {', '.join(missing)}",
            "run `meltano invoke dbt:build` again",
        )
    for name, kind in relations:
        if name not in wanted:
            connection.execute(f"DROP {_KINDS[kind]} {quote(schema)}.{quote(name)}")
    _rename_constraints(connection, schema)


def _rename_constraints(connection: psycopg.Connection, schema: str) -> None:
    for table, name, kind in connection.execute(
        "SELECT c.relname, o.conname, o.contype::text FROM pg_catalog.pg_constraint AS o"
        " JOIN pg_catalog.pg_class AS c ON c.oid = o.conrelid"
        " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND pg_catalog.strpos(o.conname, %s) > 0",
        [schema, _SUFFIX],
    ).fetchall():
        own = f"{table}_pkey" if kind == "p" else name.replace(_SUFFIX, "")
        connection.execute(
            f"ALTER TABLE {quote(schema)}.{quote(table)} RENAME CONSTRAINT {quote(name)}"
            f" TO {quote(own)}"
        )
