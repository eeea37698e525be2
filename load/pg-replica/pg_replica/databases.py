"""The source and the warehouse."""

from __future__ import annotations

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


OLDEST_WAREHOUSE = 13
