"""The landing: where a night is rebuilt, out of everybody's sight."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import psycopg

from entrepot_core.base.errors import Refused, RunFailed
from entrepot_core.postgres.identifiers import PUBLIC, quote
from entrepot_core.warehouse.schemas import Naming
from pg_replica.dump.items import Item
from pg_replica.warehouse import homes, made_schemas, objects, ownership

_PATIENCE = 60.0  # seconds for what a dead run's sessions still hold
_MANY = 20  # objects that a message lists
# Whether PUBLIC has a right on the schema, and whether readers need it for an extension's sake.
_PUBLIC_IS_OPEN = """
SELECT EXISTS (
    SELECT FROM pg_catalog.aclexplode(
        coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) AS a
    WHERE a.grantee = 0
), EXISTS (
    SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = %s AND NOT EXISTS (
        SELECT FROM pg_catalog.aclexplode(n.nspacl) AS a WHERE a.grantee = r.oid
    )
) AND EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extnamespace = n.oid)
FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'public'
"""


def names_of(items: Iterable[Item]) -> list[str]:
    """List the names that a dump's items can have in schema `public`.

    Args:
        items: The items.

    Returns:
        Each name once.
    """
    here = [item for item in items if item.schema == PUBLIC]
    return sorted({item.made.name if item.made else item.tag for item in here})


def clean(
    connection: psycopg.Connection,
    schemas: list[str],
    names: Collection[str],
    builder: str | None,
) -> None:
    """Empty the landing of what an earlier run or attempt left, and give the space back.

    Args:
        connection: A session on the warehouse, in autocommit.
        schemas: The landing's schemas.
        names: What runs make in schema `public`, as `objects.in_landing` takes it.
        builder: As there.

    Raises:
        RunFailed: If something remains.
    """
    schemas = made_schemas.ours(connection, schemas)
    held = objects.drop(
        connection,
        schemas,
        patience=_PATIENCE,
        is_ours=objects.in_landing(names, builder),
    )
    if held:
        raise RunFailed(
            "the landing cannot be emptied: " + "; ".join(held[:_MANY]),
            "something outside the landing depends on it: drop that, then run again",
        )


def make_room(
    connection: psycopg.Connection,
    naming: Naming,
    schemas: list[str],
    of_extensions: list[str],
    roles: list[str | None],
) -> None:
    """Refuse schemas that collide with others', and make those that extensions live in.

    Args:
        connection: A session of the warehouse's owner, in autocommit.
        naming: The schemas' names.
        schemas: The source's schemas that are rebuilt.
        of_extensions: Those that are there for an extension's sake.
        roles: Who builds, owns and reads the replica.

    Raises:
        Refused: If a schema's name is taken, or one is closed to whoever builds.
    """
    shared = homes.shared(connection, schemas)
    problems = naming.problems([*schemas, *of_extensions])
    problems += made_schemas.collisions(connection, naming, schemas, shared)
    builders = [role for role in roles[:1] if role]
    problems += homes.problems(connection, schemas, of_extensions, builders)
    if problems:
        raise Refused(problems)
    homes.make(connection, of_extensions, roles)


def create_schemas(
    connection: psycopg.Connection,
    schemas: list[str],
    naming: Naming,
    builder: str | None,
) -> None:
    """Make the landing's schemas, and where it waits; readers get no right on them.

    Args:
        connection: A session on the warehouse.
        schemas: The source's schemas.
        naming: The schemas' names.
        builder: The role that builds in them; None where the owner does.
    """
    shared = homes.shared(connection, schemas)
    for schema in schemas:
        waiting = naming.following(schema)
        made_schemas.create(connection, waiting)
        if schema in shared:
            made_schemas.note(connection, [schema])
        elif schema != PUBLIC:
            made_schemas.create(connection, schema)
        if builder:
            ownership.let_build(connection, [schema, waiting], builder)


def close_public(connection: psycopg.Connection, reader: str) -> bool:
    """Take schema `public` from everybody, for it is where a night is rebuilt.

    Who may use a schema can hold a lock on each of its tables, and call what is open there. The
    readers keep it where an extension lives in it: their queries call its functions.

    Args:
        connection: A session of the warehouse's owner.
        reader: The role of the readers.

    Returns:
        Whether PUBLIC has no right on it any more; only its owner can take it away.
    """
    is_open, reader_needs_it = _public(connection, reader)
    if is_open:
        connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    if reader_needs_it:
        connection.execute(f"GRANT USAGE ON SCHEMA public TO {quote(reader)}")
    return not (is_open and _public(connection, reader)[0])


def _public(connection: psycopg.Connection, reader: str) -> tuple[bool, bool]:
    row = connection.execute(_PUBLIC_IS_OPEN, [reader]).fetchone()
    assert row is not None
    return row[0], row[1]
