"""Tables that a dump makes and whose rows it leaves out, as --exclude-table-data does."""

from __future__ import annotations

from collections.abc import Iterable

from entrepot_core.postgres.identifiers import TableName
from pg_replica.dump.items import Item, parents

_PARTITIONED = "\nPARTITION BY "


def tables_without_rows(
    items: Iterable[Item], told: Iterable[TableName]
) -> list[TableName]:
    """Find them.

    An empty table has its entry and its COPY, too; so this says nothing of plain INSERTs, where
    an empty table leaves no trace.

    Args:
        items: The dump's items.
        told: The tables of whose rows it tells.

    Returns:
        The tables, sorted; partitioned ones have no rows of their own, and those of partitions
        may be told as their root's.
    """
    listed = list(items)
    above = parents(listed)
    known = set(told)
    tables = {
        TableName(item.schema or "", item.tag)
        for item in listed
        if item.kind == "TABLE" and _PARTITIONED not in item.sql
    }
    missing = tables - known - set(above.values())
    return sorted(
        (table for table in missing if not _ancestors(table, above) & known), key=str
    )


def _ancestors(table: TableName, above: dict[TableName, TableName]) -> set[TableName]:
    found: set[TableName] = set()
    while table in above and above[table] not in found:
        table = above[table]
        found.add(table)
    return found
