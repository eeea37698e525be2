"""Which pg_dump and pg_restore speak with a server."""

from __future__ import annotations

from pathlib import Path

from entrepot_core.postgres import client_tools
from entrepot_core.postgres.client_tools import ClientTools
from entrepot_core.postgres.connection import Database


def server_major(database: Database) -> int:
    """Ask a server for its major version.

    Args:
        database: One of its databases.

    Returns:
        Such as 15.
    """
    with database.connect(purpose="probe") as session:
        return session.info.server_version // 10000


def usable(bindir: Path | None, database: Database) -> list[ClientTools]:
    """Find the tools that are at least as new as a server.

    Args:
        bindir: `PG_BINDIR`.
        database: One of its databases.

    Returns:
        In order of preference, at least one pair.

    Raises:
        Refused: If there is none; the message says where it was looked for.
    """
    return client_tools.usable(bindir, server_major(database), database)
