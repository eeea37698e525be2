"""The two databases, tried: sessions on both, or everything that is wrong with either."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import make_conninfo

from entrepot_core.base.errors import Refused, ReplicaError, TransientFailure
from entrepot_core.postgres.connection import Database, are_same
from entrepot_core.postgres.identifiers import quote

_TIMEOUT = 30  # seconds for a silent server: somebody waits
_MAINTENANCE = "postgres"  # the database that every server has
_IS_SUPERUSER = "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user"


@dataclass(frozen=True)
class Places:
    """Sessions on both databases.

    Attributes:
        source: A session there; None where a dump is replicated.
        warehouse: A session there.
        source_url: The source's address; empty for a dump.
        warehouse_url: The warehouse's.
        made: Whether the warehouse's database was made just now.
    """

    source: psycopg.Connection | None
    warehouse: psycopg.Connection
    source_url: str
    warehouse_url: str
    made: bool = False

    @property
    def is_superuser(self) -> bool:
        """Whether the warehouse's address is that of an administrator, who must run no night."""
        row = self.warehouse.execute(_IS_SUPERUSER).fetchone()
        return bool(row and row[0])


@contextmanager
def open_places(source_url: str, warehouse_url: str) -> Iterator[Places]:
    """Open both databases.

    Args:
        source_url: The source's address; empty for a dump.
        warehouse_url: The warehouse's; a database that is not there yet is made, if its role may.

    Yields:
        Sessions, closed at the end.

    Raises:
        Refused: With what is wrong with either.
    """
    problems: list[str] = []
    with ExitStack() as stack:
        source = _try("source", source_url, stack, problems) if source_url else None
        made = _made(warehouse_url)
        warehouse = _try("warehouse", warehouse_url, stack, problems)
        if source and warehouse and are_same(source, warehouse):
            problems.append(
                "the warehouse is the same database as the source: it must be another one"
            )
        if problems or warehouse is None:
            raise Refused(problems)
        yield Places(source, warehouse, source_url, warehouse_url, made)


def _try(
    label: str, url: str, stack: ExitStack, problems: list[str]
) -> psycopg.Connection | None:
    try:
        session = Database(label, url, _TIMEOUT).connect(purpose="init")
    except Refused as refusal:
        problems += refusal.problems
        return None
    except ReplicaError as error:
        problems.append(str(error))
        return None
    stack.callback(session.close)
    return session


def _made(url: str) -> bool:
    """Make the warehouse's database if it is not there, and if its role may."""
    database = Database("warehouse", url, _TIMEOUT)
    parts = database.parts
    name = str(parts.get("dbname"))
    with suppress(TransientFailure, Refused, psycopg.Error):
        elsewhere = make_conninfo(**{**parts, "dbname": _MAINTENANCE})
        with Database("warehouse", elsewhere, _TIMEOUT).connect(
            purpose="init"
        ) as session:
            found = session.execute(
                "SELECT true FROM pg_catalog.pg_database WHERE datname = %s", [name]
            ).fetchone()
            if found is None:
                session.execute(f"CREATE DATABASE {quote(name)}".encode())
                return True
    return False
