"""Schemas in which extensions live, on both sides: never rebuilt, only there.

An extension may live in a schema of its own, beside the source's tables in one of theirs, or in one
that it makes and names itself. The statements of a night name its types and functions by that
schema, so the warehouse has it under the same name. Where nothing but extensions is in it, nights
leave it alone; where the source keeps tables in it too, a night is rebuilt in it as in `public`.
"""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from entrepot_core.postgres import catalog
from entrepot_core.postgres.identifiers import PUBLIC, quote
from pg_replica.warehouse import made_schemas, objects

_SCHEMAS = f"""
SELECT n.nspname::text, EXISTS (
    SELECT FROM pg_catalog.pg_extension AS e WHERE e.extnamespace = n.oid
), EXISTS (
    SELECT FROM pg_catalog.pg_depend AS d WHERE d.deptype = 'e'
    AND d.classid = 'pg_catalog.pg_namespace'::regclass AND d.objid = n.oid
)
FROM pg_catalog.pg_namespace AS n WHERE {catalog.USER_SCHEMAS} ORDER BY 1
"""
_OWN = """
SELECT n.nspname::text FROM pg_catalog.pg_namespace AS n
WHERE n.nspname = ANY (%s) AND pg_catalog.pg_has_role(n.nspowner, 'USAGE')
"""
_LACKING = """
SELECT r.rolname::text FROM pg_catalog.pg_roles AS r
WHERE r.rolname = ANY (%s) AND NOT pg_catalog.has_schema_privilege(r.oid, %s, 'USAGE')
ORDER BY 1
"""


def landing_schemas(source: psycopg.Connection) -> list[str]:
    """List the schemas of a source that a night rebuilds.

    Args:
        source: A session on the source.

    Returns:
        All of its own but those that are there for an extension's sake.
    """
    rows = source.execute(_SCHEMAS).fetchall()
    homes = [name for name, is_home, _ in rows if is_home and name != PUBLIC]
    filled = {one.schema for one in objects.list_objects(source, homes)}
    return [
        name
        for name, is_home, is_member in rows
        if not is_member and (not is_home or name in filled or name == PUBLIC)
    ]


def extension_schemas(connection: psycopg.Connection) -> set[str]:
    """List the schemas in which extensions live.

    Args:
        connection: A session on either database.

    Returns:
        Their names.
    """
    return {name for name, is_home, _ in connection.execute(_SCHEMAS) if is_home}


def shared(warehouse: psycopg.Connection, schemas: Iterable[str]) -> list[str]:
    """List the schemas that an extension lives in and that a night is rebuilt in.

    Args:
        warehouse: A session of the warehouse's owner.
        schemas: The source's schemas that are rebuilt.

    Returns:
        Their names; `public`, which always is one, left out.
    """
    return sorted((extension_schemas(warehouse) & set(schemas)) - {PUBLIC})


def make(
    warehouse: psycopg.Connection, schemas: list[str], roles: Iterable[str | None]
) -> None:
    """Make the schemas that extensions need, and let those look into them who need that.

    Args:
        warehouse: A session of the warehouse's owner, in autocommit.
        schemas: Their names.
        roles: Who builds, owns and reads the replica.
    """
    there = {name for name, *_ in warehouse.execute(_SCHEMAS)}
    for schema in schemas:
        if schema not in there:
            made_schemas.create(warehouse, schema)
    named = [role for role in roles if role]
    for (schema,) in warehouse.execute(_OWN, [schemas]).fetchall():
        for role in lacking(warehouse, schema, named):
            warehouse.execute(f"GRANT USAGE ON SCHEMA {quote(schema)} TO {quote(role)}")


def lacking(
    warehouse: psycopg.Connection, schema: str, roles: Iterable[str]
) -> list[str]:
    """List the roles that may not look into a schema.

    Args:
        warehouse: A session on the warehouse.
        schema: The schema.
        roles: Names of roles; those that do not exist are not listed.

    Returns:
        Those that lack the right.
    """
    return [role for (role,) in warehouse.execute(_LACKING, [list(roles), schema])]


def problems(
    warehouse: psycopg.Connection,
    schemas: Iterable[str],
    of_extensions: Iterable[str],
    builders: list[str],
) -> list[str]:
    """Find the schemas of extensions in which a night cannot do what it must.

    Args:
        warehouse: A session of the warehouse's owner.
        schemas: The source's schemas that are rebuilt.
        of_extensions: Those that are there for an extension's sake.
        builders: The roles that build.

    Returns:
        One sentence for each, with what to do.
    """
    there = {name for name, *_ in warehouse.execute(_SCHEMAS)} & set(of_extensions)
    both = shared(warehouse, schemas)
    own = {name for (name,) in warehouse.execute(_OWN, [sorted(there) + both])}
    user = quote(warehouse.info.user)
    found = [
        f"schema {schema!r} of the warehouse, in which an extension lives, is closed to "
        f"{', '.join(roles)}: have its owner run GRANT USAGE ON SCHEMA {quote(schema)} TO "
        f"{', '.join(map(quote, roles))}"
        for schema in sorted(there - own)
        if (roles := lacking(warehouse, schema, builders))
    ]
    found += [
        f"schema {schema!r} of the source holds an extension and objects of its own, which are "
        "rebuilt beside the extension: have an administrator run ALTER SCHEMA "
        f"{quote(schema)} OWNER TO {user} on the warehouse"
        for schema in both
        if schema not in own
    ]
    strange = set(both) & own
    strange -= set(made_schemas.ours(warehouse, strange))
    found += [
        f"{one} of the warehouse was made by no run, and the source's objects are rebuilt beside "
        "it: move it to another schema"
        for one in objects.list_objects(warehouse, strange)
    ]
    return found
