"""Which objects of the source would run its functions while a night is rebuilt."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources

import psycopg

from entrepot_core.policy.tables import Policy
from entrepot_core.postgres.identifiers import TableName

_MANY = 10
WAY_OUT = (
    "give the replica two roles (see README.md: BUILD_ROLE and REPLICA_ROLE), leave the tables out "
    "by the table policy, or say that you trust that code with all rights of the warehouse's owner "
    "(TRUST_SOURCE_CODE=true)"
)


def that_runs(connection: psycopg.Connection, policy: Policy) -> list[str]:
    """Find what calls a function that is neither the server's nor an extension's.

    Args:
        connection: A session on the source, or on the landing once its tables are made.
        policy: What stays out, and which items may fail.

    Returns:
        The objects, each named as in a dump.
    """
    query = (
        resources.files("pg_replica.warehouse")
        .joinpath("source_code.sql")
        .read_text(encoding="utf-8")
    )
    # Compiling the query takes thirty times as long as running it.
    connection.execute("SET jit = off")
    rows = connection.execute(query.encode()).fetchall()
    connection.execute("RESET jit")
    found = []
    for schema, table, kind, name in rows:
        rule = policy.rule(TableName(schema, table))
        tag = f"{table} {name}" if kind == "CHECK CONSTRAINT" else name
        is_out = rule.mode != "full" or (kind == "COLUMN" and name in rule.columns)
        if not is_out and f"{kind} {tag}" not in policy.tolerated:
            found.append(f"{kind.lower()} {name} of {TableName(schema, table)}")
    return found


def refusal(found: Iterable[str]) -> str:
    """Say that a night would run the source's code.

    Args:
        found: The objects that call it.

    Returns:
        One sentence, with what to do.
    """
    listed = list(found)
    more = f" and {len(listed) - _MANY} more" if len(listed) > _MANY else ""
    return (
        f"functions of the source would run as the warehouse's owner, called by "
        f"{', '.join(listed[:_MANY])}{more}: {WAY_OUT}"
    )
