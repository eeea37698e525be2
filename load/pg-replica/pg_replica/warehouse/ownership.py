"""The two roles of a replica: one builds the night, the other owns it once it is verified.

What the source's code does while rows are copied and indexes built, it does as the first, which
owns nothing but what is being built; what it does later, as the second, which owns nothing but the
replica. The warehouse's owner is a member of both, and neither is a member of anything.
"""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from entrepot_core.postgres.identifiers import quote
from pg_replica.warehouse import objects

# Whose change of owner takes a lock: in portions, as a server's lock table is small.
_RELATIONS = ("TABLE", "VIEW", "MATERIALIZED VIEW")


def let_build(
    connection: psycopg.Connection, schemas: Iterable[str], builder: str
) -> None:
    """Let the building role make objects in some schemas.

    Args:
        connection: A session of the warehouse's owner.
        schemas: The landing, and where it waits for the swap.
        builder: The role.
    """
    for schema in schemas:
        connection.execute(
            f"GRANT USAGE, CREATE ON SCHEMA {quote(schema)} TO {quote(builder)}"
        )


def hand_over(
    connection: psycopg.Connection, schemas: list[str], builder: str, owner: str
) -> None:
    """Give what was built to the role that owns the replica. No code of the source runs here.

    Args:
        connection: A session of the warehouse's owner, in autocommit.
        schemas: The schemas that wait for the swap.
        builder: The role that built.
        owner: The role that owns the replica.
    """
    let_build(connection, schemas, owner)
    relations = [
        one
        for one in objects.list_objects(connection, schemas)
        if one.type in _RELATIONS and one.owner == builder
    ]
    for portion in objects.portions(relations):
        with connection.transaction():
            for one in portion:
                connection.execute(
                    f"ALTER {one.type} {one.identity} OWNER TO {quote(owner)}"
                )
    connection.execute(f"REASSIGN OWNED BY {quote(builder)} TO {quote(owner)}")
    for schema in schemas:
        name = quote(schema)
        connection.execute(f"REVOKE ALL ON SCHEMA {name} FROM {quote(builder)}")
        connection.execute(f"REVOKE CREATE ON SCHEMA {name} FROM {quote(owner)}")
