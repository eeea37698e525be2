"""Partitions whose rows must find their place anew, through the table above them."""

from __future__ import annotations

import psycopg

from entrepot_core.postgres import queries
from entrepot_core.postgres.identifiers import TableName

# An enum's hash is that of its OID, which differs between databases; a text's is that of its bytes.
_BY_OID = ("anyenum", "anyarray", "record", "anyrange", "anymultirange")
_ROUTED = queries.read("pg_replica", "routed_tables")


def routed(
    landing: psycopg.Connection, *, same_encoding: bool
) -> dict[TableName, TableName]:
    """Find the partitions by hash whose rows the warehouse may want elsewhere than the source.

    Args:
        landing: A session on the warehouse, the landing's tables made.
        same_encoding: Whether text has the same bytes on both sides.

    Returns:
        The table through which each such partition's rows must go.
    """
    rows = landing.execute(
        _ROUTED, {"by_oid": list(_BY_OID), "by_bytes": not same_encoding}
    )
    return {
        TableName(schema, name): TableName(above_schema, above)
        for schema, name, above_schema, above in rows
    }
