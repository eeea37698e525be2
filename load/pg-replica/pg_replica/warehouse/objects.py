"""Objects of whole schemas, moved or dropped in portions: PostgreSQL decides what depends on what.

One transaction for a schema of 2,000 tables would run out of locks; a CASCADE would take other
people's views along. So objects go a hundred at a time and without CASCADE, again and again
until nothing more goes: what then remains is held by somebody, and is reported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

import psycopg
from psycopg import errors

from entrepot_core.postgres import queries
from entrepot_core.postgres.connection import one_line
from entrepot_core.postgres.identifiers import PUBLIC, quote

_PORTION = 100
# A waiting ACCESS EXCLUSIVE request blocks later readers: a short lock_timeout, several retries.
_LOCK_TIMEOUT = "200ms"
_PAUSE = 1.0  # seconds

# Everything that is in a schema by itself: neither an extension's, nor part of something else.
_OBJECTS = queries.read("pg_replica", "objects")
# What ties objects to each other in circles, or from outside any schema, as statements that undo
# it: foreign keys, CHECKs that call a function (which may take the table's own rows), casts.
_TIES = queries.read("pg_replica", "ties")
# pg_identify_object's words for what ALTER and DROP call otherwise.
_KEYWORDS = {
    "statistics object": "STATISTICS",
    "composite type": "TYPE",
    "function of access method": "FUNCTION",
}


@dataclass(frozen=True)
class DatabaseObject:
    """An object of a schema.

    Attributes:
        type: As ALTER and DROP call it.
        schema: Where it is.
        identity: How they name it, quoted and qualified.
        owner: Its owner's name; empty where it was not asked.
        name: Its name alone, of a table, a view or a function; empty for anything else.
    """

    type: str
    schema: str
    identity: str
    owner: str
    name: str

    def __str__(self) -> str:
        """Name it for messages."""
        return f"{self.type.lower()} {self.identity}"


def list_objects(
    connection: psycopg.Connection, schemas: Iterable[str]
) -> list[DatabaseObject]:
    """List what is in some schemas, the extensions' objects left out.

    Args:
        connection: A session on the warehouse.
        schemas: The schemas.

    Returns:
        The objects, views first, then tables, then the rest.
    """
    rows = connection.execute(_OBJECTS, {"schemas": list(schemas)}).fetchall()
    return [
        DatabaseObject(
            _KEYWORDS.get(kind, kind.upper()), schema, identity, owner or "", name or ""
        )
        for kind, schema, identity, owner, name in rows
    ]


def in_landing(
    names: Collection[str], builder: str | None = None
) -> Callable[[DatabaseObject], bool]:
    """Tell our objects in schema `public` from what somebody else has put there.

    Args:
        names: What a run makes there; empty where that is not known.
        builder: The role that owns nothing but what is being built, if there is one.

    Returns:
        Says of an object whether it is ours.
    """

    def is_ours(one: DatabaseObject) -> bool:
        if builder and one.owner == builder:
            return True
        return not (names and one.schema == PUBLIC and one.name) or one.name in names

    return is_ours


def portions(objects: list[DatabaseObject]) -> Iterator[list[DatabaseObject]]:
    """Cut a list into portions that fit a server's lock table.

    Args:
        objects: Any objects.

    Yields:
        At most a hundred of one type.
    """
    portion: list[DatabaseObject] = []
    for item in objects:
        if portion and (item.type != portion[0].type or len(portion) == _PORTION):
            yield portion
            portion = []
        portion.append(item)
    if portion:
        yield portion


def move(
    connection: psycopg.Connection,
    from_schema: str,
    to_schema: str,
    is_ours: Callable[[DatabaseObject], bool] = lambda _: True,
) -> None:
    """Move the objects of a schema to another.

    Args:
        connection: A session on the warehouse, in autocommit.
        from_schema: Where they are.
        to_schema: Where they go; it exists.
        is_ours: Which of them.
    """
    # First what is named by its arguments' types: their names change when they move.
    found = sorted(
        filter(is_ours, list_objects(connection, [from_schema])),
        key=lambda item: "(" not in item.identity,
    )
    for portion in portions(found):
        with connection.transaction():
            for item in portion:
                connection.execute(
                    f"ALTER {item.type} {item.identity} SET SCHEMA {quote(to_schema)}"
                )


@dataclass(frozen=True)
class Held:
    """An object that could not go.

    Attributes:
        object: The object.
        reason: Why.
        for_now: Whether it may go by itself: a reader will have finished.
    """

    object: DatabaseObject
    reason: str
    for_now: bool

    def __str__(self) -> str:
        """Say it in messages."""
        return f"{self.object}: {self.reason}"


def drop(
    connection: psycopg.Connection,
    schemas: list[str],
    *,
    patience: float = 0,
    is_ours: Callable[[DatabaseObject], bool] = lambda _: True,
) -> list[str]:
    """Drop some schemas' objects, and the schemas when they are empty.

    Nothing outside them is dropped, and nobody is made to wait behind us.

    Args:
        connection: A session on the warehouse, in autocommit.
        schemas: The schemas; `public` is emptied but kept.
        patience: Seconds during which objects that are being read are tried again.
        is_ours: Which objects may go.

    Returns:
        Why each object that remains could not go.
    """
    deadline = time.monotonic() + patience
    _untie(connection, schemas)
    held = _drop_while_any_goes(connection, schemas, is_ours)
    while any(item.for_now for item in held) and time.monotonic() < deadline:
        time.sleep(_PAUSE)
        _untie(connection, schemas)
        held = _drop_while_any_goes(connection, schemas, is_ours)
    for schema in schemas:
        if schema != "public":
            _drop_schema(connection, schema)
    return [str(item) for item in held]


def _drop_while_any_goes(
    connection: psycopg.Connection,
    schemas: list[str],
    is_ours: Callable[[DatabaseObject], bool],
) -> list[Held]:
    """Drop what goes, again and again: one object's going may free another."""
    held: list[Held] = []
    before = -1
    while objects := [one for one in list_objects(connection, schemas) if is_ours(one)]:
        if len(objects) == before:
            break
        before = len(objects)
        held = [
            item
            for portion in portions(objects)
            for item in _drop_portion(connection, portion)
        ]
    return held if objects else []


def _drop_portion(
    connection: psycopg.Connection, portion: list[DatabaseObject]
) -> list[Held]:
    """Drop a portion, or each half of it when something holds the whole."""
    listed = ", ".join(item.identity for item in portion)
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
            connection.execute(f"DROP {portion[0].type} IF EXISTS {listed}")
    except (
        errors.DependentObjectsStillExist,
        errors.LockNotAvailable,
        errors.DeadlockDetected,
        errors.InsufficientPrivilege,
        errors.SyntaxError,  # some types take one object a statement
    ) as error:
        if len(portion) == 1:
            for_now = isinstance(
                error, (errors.LockNotAvailable, errors.DeadlockDetected)
            )
            return [Held(portion[0], _reason(error), for_now)]
        middle = len(portion) // 2
        return _drop_portion(connection, portion[:middle]) + _drop_portion(
            connection, portion[middle:]
        )
    return []


def _reason(error: psycopg.Error) -> str:
    if isinstance(error, errors.LockNotAvailable):
        return "somebody is reading it"
    return one_line(error)


def _untie(connection: psycopg.Connection, schemas: list[str]) -> None:
    """Untie the objects from each other, so that portions need not follow the ties."""
    for (statement,) in connection.execute(_TIES, {"schemas": schemas}).fetchall():
        try:
            with connection.transaction():
                connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
                connection.execute(statement)
        except (
            errors.LockNotAvailable,
            errors.DeadlockDetected,
            errors.InsufficientPrivilege,
        ):
            continue  # what it ties is held too, and will be reported


def _drop_schema(connection: psycopg.Connection, schema: str) -> None:
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
            connection.execute(f"DROP SCHEMA IF EXISTS {quote(schema)}")
    except (errors.DependentObjectsStillExist, errors.LockNotAvailable):
        return  # not empty: an extension's, or held objects
