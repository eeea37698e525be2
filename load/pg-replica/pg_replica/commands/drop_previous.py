"""The verb `drop-previous`: earlier nights go once the transformations have passed."""

from __future__ import annotations

from entrepot_core.base.logs import event
from entrepot_core.postgres.connection import explained
from entrepot_core.warehouse import migrate
from entrepot_core.warehouse.locks import warehouse_lock
from entrepot_core.warehouse.runs import Record
from pg_replica.databases import databases
from pg_replica.settings import Settings
from pg_replica.warehouse.retired import drop_retired, retired_schemas


def retired(settings: Settings) -> list[str]:
    """List the schemas of earlier nights.

    Args:
        settings: The variables.

    Returns:
        Their names, the oldest first.
    """
    _, warehouse = databases(settings)
    with explained("warehouse"), warehouse.connect(purpose="previous") as connection:
        if not migrate.upgrade_if_made(connection):
            return []
        return retired_schemas(connection, settings.replica_schema)


def drop_previous(settings: Settings) -> list[str]:
    """Drop the earlier nights, except what others still use.

    Args:
        settings: The variables.

    Returns:
        What had to stay, and why. It is tried again the next time.

    Raises:
        AnotherRun: If a run is under way.
    """
    _, warehouse = databases(settings)
    with warehouse_lock(warehouse, settings.turn) as lock:
        migrate.upgrade(lock)
        if not retired_schemas(lock, settings.replica_schema):
            event("there is no earlier night to drop")
            return []
        record = Record(warehouse, "drop-previous", "-")
        held = drop_retired(lock, record, settings.replica_schema)
        record.close("succeeded")
        return held
