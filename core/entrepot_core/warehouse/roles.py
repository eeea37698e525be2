"""The roles of the warehouse: who runs nights, who builds, who owns the replica, who reads.

`SECURITY.md` says who is trusted with what; an administrator runs these statements once.
"""

from __future__ import annotations

from collections.abc import Iterable

from entrepot_core.postgres.identifiers import literal, quote


def create(role: str, password: str | None = None) -> str:
    """Write the statement that makes a role which may log in.

    Args:
        role: Its name.
        password: The password, or what the server stores of it; None for none yet.

    Returns:
        A statement.
    """
    given = f" PASSWORD {literal(password)}" if password else ""
    return f"CREATE ROLE {quote(role)} LOGIN{given}"


def let_become(owner: str, roles: Iterable[str]) -> str:
    """Write the statement that lets the warehouse's role act as the replica's roles.

    Args:
        owner: The warehouse's role.
        roles: Those of the replica, which are members of nothing.

    Returns:
        A statement.
    """
    return f"GRANT {_all(roles)} TO {quote(owner)}"


def let_connect(database: str, roles: Iterable[str]) -> str:
    """Write the statement that lets roles connect.

    Args:
        database: Its name.
        roles: Their names.

    Returns:
        A statement.
    """
    return f"GRANT CONNECT ON DATABASE {quote(database)} TO {_all(roles)}"


def _all(roles: Iterable[str]) -> str:
    return ", ".join(quote(role) for role in roles)
