"""The source and the warehouse."""

from __future__ import annotations

from dataclasses import replace

from psycopg.conninfo import make_conninfo

from entrepot_core.postgres.connection import Database
from pg_replica.settings import Settings


def databases(settings: Settings) -> tuple[Database | None, Database]:
    """Describe the two databases.

    Args:
        settings: With their URLs.

    Returns:
        The source, None for a dump; and the warehouse.
    """
    source = None
    if settings.mode == "live" and settings.source_database_url:
        source = Database(
            "source",
            settings.source_database_url,
            settings.network_timeout,
            (
                (
                    "row_security",
                    "off",
                ),  # an error rather than rows that silently stay away
                ("lock_timeout", f"{settings.source_lock_timeout * 1000:.0f}ms"),
            ),
        )
    warehouse = Database(
        "warehouse",
        settings.target_database_url,
        settings.network_timeout,
        (
            (
                "synchronous_commit",
                "off",
            ),  # a crash loses the landing, which is rebuilt
            ("maintenance_work_mem", settings.maintenance_work_mem),
            # Compresses several times faster than pglz; a server built without it has none.
            ("default_toast_compression", "lz4"),
            ("check_function_bodies", "off"),
            ("row_security", "off"),
        ),
    )
    return source, warehouse


def builders(settings: Settings) -> list[Database]:
    """Describe the warehouse as the replica's two roles log in there.

    Args:
        settings: With their names and passwords.

    Returns:
        For the role that builds, then for the one that owns the replica; none where there are none.
    """
    _, warehouse = databases(settings)
    logins = (
        (settings.build_role, settings.build_role_password),
        (settings.replica_role, settings.replica_role_password),
    )
    return [
        replace(
            warehouse, url=make_conninfo(warehouse.url, user=role, password=password)
        )
        for role, password in logins
        if role
    ]


OLDEST_WAREHOUSE = 13
