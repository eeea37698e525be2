"""Materialized views that hold rows on the source: a dump of the schema alone does not say so."""

from __future__ import annotations

from collections.abc import Collection

from entrepot_core.postgres.identifiers import TableName
from pg_replica.dump.items import REFRESH, Item


def refreshes(items: list[Item], populated: Collection[TableName]) -> list[Item]:
    """Make an item that fills each materialized view which holds rows on the source.

    Args:
        items: What is to be made.
        populated: The materialized views that hold rows.

    Returns:
        An item for each.
    """
    return [
        Item(
            0,
            0,
            REFRESH,
            item.schema,
            item.tag,
            f"REFRESH MATERIALIZED VIEW {name.sql};",
        )
        for item in items
        if item.kind == "MATERIALIZED VIEW"
        and (name := TableName(item.schema or "", item.tag)) in populated
    ]
