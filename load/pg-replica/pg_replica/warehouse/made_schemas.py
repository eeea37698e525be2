"""Schemas that runs have made, known by OID: nobody else's is filled, renamed or dropped."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from entrepot_core.postgres.identifiers import PUBLIC, quote
from entrepot_core.warehouse import migrate
from entrepot_core.warehouse.schemas import Naming

_NOTE = (
    "INSERT INTO entrepot_ops.made_schemas (schema_oid, schema_name)"
    " SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace AS n WHERE n.nspname = ANY (%s)"
    " ON CONFLICT DO NOTHING"
)
_FORGET_GONE = (
    "DELETE FROM entrepot_ops.made_schemas AS m WHERE NOT EXISTS ("
    " SELECT FROM pg_catalog.pg_namespace AS n WHERE n.oid = m.schema_oid)"
)
_NAMES = "SELECT nspname::text FROM pg_catalog.pg_namespace WHERE nspname = ANY (%s) ORDER BY 1"
_FOUND = (
    "SELECT n.nspname::text, EXISTS ("
    " SELECT FROM entrepot_ops.made_schemas AS m WHERE m.schema_oid = n.oid)"
    " FROM pg_catalog.pg_namespace AS n WHERE n.nspname = ANY (%s) ORDER BY 1"
)

# What another replica in the same warehouse has published last, and the names that its next nights
# need. The first schema of a publication is its replica's.
_OF_OTHERS = """
SELECT n.nspname::text || x.suffix, min(p.schemas[1])
FROM entrepot_ops.publications AS p
JOIN pg_catalog.pg_namespace AS n ON n.nspname = ANY (p.schemas)
JOIN entrepot_ops.made_schemas AS m ON m.schema_oid = n.oid
CROSS JOIN pg_catalog.unnest(ARRAY['', '_next', '_previous', '_incremental']) AS x (suffix)
WHERE p.schemas[1] <> %(replica)s AND n.nspname::text || x.suffix = ANY (%(names)s)
AND p.run_id IN (
    SELECT max(l.run_id) FROM entrepot_ops.publications AS l
    JOIN entrepot_ops.runs AS r USING (run_id) WHERE r.command = 'run' GROUP BY l.schemas[1])
GROUP BY 1 ORDER BY 1
"""


def create(connection: psycopg.Connection, schema: str) -> None:
    """Make a schema in which nobody has any right, and note that it is ours.

    Args:
        connection: A session of the warehouse's owner, in autocommit.
        schema: Its name; there is no schema of that name.
    """
    with connection.transaction():
        connection.execute(_FORGET_GONE)
        connection.execute(f"CREATE SCHEMA {quote(schema)}")
        # Default privileges may have opened it.
        connection.execute(f"REVOKE ALL ON SCHEMA {quote(schema)} FROM PUBLIC")
        note(connection, [schema])


def note(connection: psycopg.Connection, schemas: list[str]) -> None:
    """Note that some schemas are ours.

    Args:
        connection: A session of the warehouse's owner.
        schemas: Their names.
    """
    connection.execute(_NOTE, [schemas])


def ours(connection: psycopg.Connection, schemas: Iterable[str]) -> list[str]:
    """List the schemas that runs have made, of some names.

    Args:
        connection: A session of the warehouse's owner.
        schemas: Names; `public`, the landing, counts as ours.

    Returns:
        Those that exist, in the order of their names.
    """
    rows = _found(connection, list(schemas))
    return [name for name, is_ours in rows if is_ours or name == PUBLIC]


def _found(connection: psycopg.Connection, names: list[str]) -> list[tuple[str, bool]]:
    """Say of each schema of some names whether it is ours."""
    row = connection.execute(
        "SELECT pg_catalog.to_regclass('entrepot_ops.made_schemas')"
    ).fetchone()
    if row and row[0]:
        return connection.execute(_FOUND, [names]).fetchall()
    # Before the first run nothing is ours; after one of an older release, which knew its schemas
    # by name, the first migration will tell.
    is_first = not migrate.is_made(connection)
    rows = connection.execute(_NAMES, [names]).fetchall()
    return [(name, not is_first) for (name,) in rows]


def _collisions_of_replicas(
    connection: psycopg.Connection, replica: str, names: list[str]
) -> list[str]:
    row = connection.execute(
        "SELECT pg_catalog.to_regclass('entrepot_ops.made_schemas')"
    ).fetchone()
    if not (row and row[0]):
        return []
    found = connection.execute(
        _OF_OTHERS, {"replica": replica, "names": names}
    ).fetchall()
    return [
        f"schema {name!r} of the warehouse belongs to the replica {other!r}, and the replica "
        f"{replica!r} needs the name: choose another REPLICA_SCHEMA for one of them"
        for name, other in found
    ]


def collisions(
    connection: psycopg.Connection,
    naming: Naming,
    landing: Iterable[str],
    shared: Iterable[str] = (),
) -> list[str]:
    """Find the schemas of others that have a name which a night needs.

    Args:
        connection: A session on the warehouse.
        naming: The schemas' names.
        landing: The source's schemas.
        shared: Those in which extensions live here, and in which a night may be rebuilt.

    Returns:
        One sentence for each.
    """
    lands = set(landing) - {PUBLIC}
    live = {naming.live(schema) for schema in {PUBLIC, *lands}}
    waits = {naming.following(schema) for schema in {PUBLIC, *lands}}
    names = lands | live | waits | {naming.previous(schema) for schema in live}
    rows = _found(connection, sorted(names))
    sentences = _collisions_of_replicas(connection, naming.replica, sorted(names))
    for name, is_ours in rows:
        if is_ours or name in set(shared):
            continue
        if name in lands:
            sentences.append(
                f"schema {name!r} of the warehouse was made by no run, and the source has a schema "
                f"of that name, which would be rebuilt in it: rename one of them (ALTER SCHEMA "
                f"{quote(name)} RENAME TO …)"
            )
        else:
            sentences.append(
                f"schema {name!r} of the warehouse was made by no run, and the replica needs the "
                "name: choose another REPLICA_SCHEMA, or rename the schema "
                f"(ALTER SCHEMA {quote(name)} RENAME TO …)"
            )
    return sentences
