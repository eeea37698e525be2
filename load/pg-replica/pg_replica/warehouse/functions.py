"""The source's functions: who may call them here, and as whom they run.

A dump without rights opens every function to PUBLIC, and a SECURITY DEFINER function would run with
the rights of the role that restored it. So a function is closed in the transaction that makes it,
and before the swap the readers get those that their views call, each by name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import psycopg

from entrepot_core.postgres import queries
from entrepot_core.postgres.identifiers import quote

KINDS = ("FUNCTION", "PROCEDURE", "AGGREGATE")
_PORTION = 100
_WORD = re.compile(r"\w+")

# A range type's constructors are PostgreSQL's own, and no ordinary role can change them.
_FUNCTIONS = queries.read("pg_replica", "functions")
# What a view's query calls by itself or through operators, casts, domains, aggregates and functions
# whose bodies PostgreSQL has parsed.
_CALLED_BY_VIEWS = queries.read("pg_replica", "functions_of_views")
_ESTIMATED = queries.read("pg_replica", "estimated_operators")
_PARTS_OF_AGGREGATES = """
SELECT DISTINCT d.objid, d.refobjid FROM pg_catalog.pg_depend AS d
JOIN pg_catalog.pg_proc AS p ON p.oid = d.objid AND p.prokind = 'a'
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.refclassid = 'pg_catalog.pg_proc'::regclass
    AND n.nspname = ANY (%(schemas)s)
"""


@dataclass(frozen=True)
class Function:
    """A function, procedure or aggregate of the source.

    Attributes:
        oid: Its OID.
        signature: How statements name it, quoted and qualified.
        name: Its name alone.
        body: Its source text.
        is_definer: Whether it runs with its owner's rights.
        is_aggregate: Whether it is an aggregate.
        is_trigger: Whether only a trigger can call it.
        owner: Its owner, quoted.
        grantees: Who else may call it, quoted.
    """

    oid: int
    signature: str
    name: str
    body: str
    is_definer: bool
    is_aggregate: bool
    is_trigger: bool
    owner: str
    grantees: list[str]


@dataclass
class Closed:
    """What was taken away, and what was given.

    Attributes:
        total: How many functions there are.
        definers: Those that ran with their owner's rights, and no longer do.
        granted: Those that readers may call.
    """

    total: int = 0
    definers: list[str] = field(default_factory=list)
    granted: list[str] = field(default_factory=list)


def close(
    connection: psycopg.Connection, schema: str, names: list[str] | None
) -> list[str]:
    """Close functions to everybody but their owner, in the transaction that made them.

    Args:
        connection: A session on the warehouse, in that transaction.
        schema: Their schema.
        names: Their names; None for all of the schema.

    Returns:
        The functions that no longer run with their owner's rights.
    """
    found = _functions(connection, [schema], names)
    _close(connection, found)
    return [one.signature for one in found if one.is_definer]


def deny_to_owner(connection: psycopg.Connection, schemas: list[str]) -> None:
    """Let not even their owner call the functions, so that no statement of ours runs them.

    Those of triggers keep their right: a trigger could not be made otherwise, and none fires.

    Args:
        connection: A session of their owner's, in autocommit.
        schemas: Where they are.
    """
    found = [one for one in _functions(connection, schemas) if not one.is_trigger]
    for owner, portion in _portions(found):
        connection.execute(
            f"REVOKE ALL ON ROUTINE {_listed(portion)} FROM {owner} CASCADE"
        )


def open_to_readers(
    connection: psycopg.Connection,
    schemas: list[str],
    reader: str | None,
    *,
    owner_may_call: bool,
) -> Closed:
    """Close all functions, also those that the source's own code has opened meanwhile.

    Args:
        connection: A session that may act as their owner, in autocommit.
        schemas: The schemas that wait for the swap.
        reader: Who gets the functions that views call; None for nobody.
        owner_may_call: Whether their owner may call any of them.

    Returns:
        What was taken away and given.
    """
    found = _functions(connection, schemas)
    closed = Closed(len(found), [one.signature for one in found if one.is_definer])
    _close(connection, found)
    if not owner_may_call:
        for owner, portion in _portions(found):
            connection.execute(
                f"REVOKE ALL ON ROUTINE {_listed(portion)} FROM {owner} CASCADE"
            )
    needed = _needed(connection, schemas, found)
    parts = _parts_of_aggregates(connection, schemas, needed)
    for owner, portion in _portions([one for one in found if one.oid in parts]):
        # PostgreSQL asks whether the aggregate's owner may call what it is made of.
        connection.execute(f"GRANT EXECUTE ON ROUTINE {_listed(portion)} TO {owner}")
    if reader is not None:
        for _, portion in _portions([one for one in found if one.oid in needed]):
            connection.execute(
                f"GRANT EXECUTE ON ROUTINE {_listed(portion)} TO {quote(reader)}"
            )
            closed.granted += [one.signature for one in portion]
    return closed


def estimate_nothing(connection: psycopg.Connection, schemas: list[str]) -> int:
    """Let the planner call no function of the source.

    To estimate an operator's selectivity the planner calls its function as whoever plans, and asks
    for no right: it is enough that a view of the source is read, or explained.

    Args:
        connection: A session that may act as the operators' owner, in autocommit.
        schemas: Where they are.

    Returns:
        How many operators were changed.
    """
    rows = connection.execute(_ESTIMATED, {"schemas": schemas}).fetchall()
    for (operator,) in rows:
        connection.execute(
            f"ALTER OPERATOR {operator} SET (RESTRICT = NONE, JOIN = NONE)"
        )
    return len(rows)


def _functions(
    connection: psycopg.Connection, schemas: list[str], names: list[str] | None = None
) -> list[Function]:
    rows = connection.execute(
        _FUNCTIONS,
        {"schemas": schemas, "names": names},
    ).fetchall()
    return [Function(*row) for row in rows]


def _close(connection: psycopg.Connection, found: Iterable[Function]) -> None:
    by_grantees = defaultdict(list)
    for one in found:
        if one.is_definer:
            connection.execute(f"ALTER ROUTINE {one.signature} SECURITY INVOKER")
        by_grantees[", ".join(one.grantees)].append(one)
    for grantees, functions in by_grantees.items():
        for _, portion in _portions(functions if grantees else []):
            connection.execute(
                f"REVOKE ALL ON ROUTINE {_listed(portion)} FROM {grantees} CASCADE"
            )


def _portions(found: Iterable[Function]) -> Iterable[tuple[str, list[Function]]]:
    """Give the functions of each owner, a hundred at a time."""
    by_owner = defaultdict(list)
    for one in found:
        by_owner[one.owner].append(one)
    for owner, functions in by_owner.items():
        for first in range(0, len(functions), _PORTION):
            yield owner, functions[first : first + _PORTION]


def _listed(functions: Iterable[Function]) -> str:
    return ", ".join(one.signature for one in functions)


def _needed(
    connection: psycopg.Connection, schemas: list[str], found: list[Function]
) -> set[int]:
    """Find the functions without which a view of the source cannot be read.

    PostgreSQL does not know what a body written as text calls. Whatever it names is taken for a
    call: as these run with their caller's rights, a right too many gives nobody anything.

    Returns:
        The functions' OIDs.
    """
    rows = connection.execute(_CALLED_BY_VIEWS, {"schemas": schemas}).fetchall()
    by_oid = {one.oid: one for one in found}
    by_name = defaultdict(list)
    for one in found:
        by_name[one.name].append(one.oid)
    needed: set[int] = set()
    waiting = [row[0] for row in rows if row[0] in by_oid]
    while waiting:
        oid = waiting.pop()
        if oid in needed:
            continue
        needed.add(oid)
        for word in set(_WORD.findall(by_oid[oid].body)):
            waiting += [*by_name.get(word, []), *by_name.get(word.lower(), [])]
    return needed


def _parts_of_aggregates(
    connection: psycopg.Connection, schemas: list[str], needed: set[int]
) -> set[int]:
    rows = connection.execute(_PARTS_OF_AGGREGATES, {"schemas": schemas}).fetchall()
    return {part for aggregate, part in rows if aggregate in needed}
