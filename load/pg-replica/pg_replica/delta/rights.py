"""What the replica's own role may do while changes are applied, and at no other time.

Nobody may call the source's functions, their owner included. But a CHECK, an index, a generated
column or a materialized view calls them as the role that changes the rows. That role gives itself
the right in the transaction, and takes it back in it: nobody else ever sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from entrepot_core.postgres.identifiers import quote

_CLOSED = """
SELECT p.oid::pg_catalog.regprocedure::text
FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_roles AS r ON r.oid = p.proowner
WHERE n.nspname = ANY (%s) AND r.rolname = current_user
    AND NOT pg_catalog.has_function_privilege(p.proowner, p.oid, 'EXECUTE')
ORDER BY 1
"""
_A_STATEMENT = 100  # functions
_TEMPORARY = (
    "SELECT pg_catalog.has_database_privilege(%s, pg_catalog.current_database(), 'TEMP'),"
    " pg_catalog.current_database()"
)


@contextmanager
def functions_open(session: psycopg.Connection, schemas: list[str]) -> Iterator[None]:
    """Let the replica's role call its functions.

    Args:
        session: A session of that role, in its transaction.
        schemas: The live schemas.
    """
    names = [name for (name,) in session.execute(_CLOSED, [schemas]).fetchall()]
    portions = [
        ", ".join(names[first : first + _A_STATEMENT])
        for first in range(0, len(names), _A_STATEMENT)
    ]
    for listed in portions:
        session.execute(f"GRANT EXECUTE ON ROUTINE {listed} TO CURRENT_USER")
    yield
    for listed in portions:
        session.execute(f"REVOKE EXECUTE ON ROUTINE {listed} FROM CURRENT_USER")


@contextmanager
def temporary_tables(main: psycopg.Connection, role: str | None) -> Iterator[None]:
    """Let the replica's role make temporary tables: REFRESH … CONCURRENTLY makes one.

    Args:
        main: A session of the warehouse's owner, in autocommit.
        role: The role; None where the owner does all.
    """
    row = main.execute(_TEMPORARY, [role]).fetchone() if role else None
    if row is None or row[0]:
        yield
        return
    database, name = quote(row[1]), quote(role or "")
    main.execute(f"GRANT TEMPORARY ON DATABASE {database} TO {name}")
    try:
        yield
    finally:
        main.execute(f"REVOKE TEMPORARY ON DATABASE {database} FROM {name}")
