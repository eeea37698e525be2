"""New columns that look personal: told, and of a dump left out once its tables are made."""

from __future__ import annotations

import psycopg

from entrepot_core.warehouse.runs import Record
from pg_replica.restore.changed_columns import adapt
from pg_replica.source.origins import DumpOrigin, Origin

_MANY = 50  # findings; a new schema has hundreds of columns


def tell(connection: psycopg.Connection, origin: Origin, record: Record) -> None:
    """Tell of new columns, and make room for those that a dump holds and that stay out.

    Args:
        connection: A session on the landing, whose tables are made and empty.
        origin: Where the night comes from.
        record: Where findings go.
    """
    for new in origin.new_columns[:_MANY]:
        record.finding(f"column {new.table}.{new.name}", new.finding)
    if len(origin.new_columns) > _MANY:
        record.finding(
            "new columns",
            f"{len(origin.new_columns) - _MANY} more look personal: pg-replica propose lists them",
        )
    if isinstance(origin, DumpOrigin):
        for table in {new.table for new in origin.new_columns}:
            adapt(connection, table, origin.policy, record)
