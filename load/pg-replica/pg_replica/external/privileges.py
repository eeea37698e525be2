"""What a role can read or change beside what it was meant to see."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from entrepot_core.postgres import queries

# Through itself and every role that it may become. A security definer function may read anything.
_REACH = queries.read("pg_replica", "reach")


def beyond(
    connection: psycopg.Connection, roles: Iterable[str], meant: list[str]
) -> list[str]:
    """Find what roles can reach beside the schemas that are meant for them.

    Args:
        connection: A session on the database.
        roles: Existing roles.
        meant: The schemas.

    Returns:
        One sentence each.
    """
    return [
        f"role {role} {sentence}"
        for role in roles
        for (sentence,) in connection.execute(
            _REACH,
            {"role": role, "meant": meant},
        )
    ]
