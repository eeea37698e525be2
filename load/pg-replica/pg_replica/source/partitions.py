"""Partitions whose rows must find their place anew, through the table above them."""

from __future__ import annotations

import psycopg

from entrepot_core.postgres.identifiers import TableName

# An enum's hash is that of its OID, which differs between databases; a text's is that of its bytes.
_BY_OID = ("anyenum", "anyarray", "record", "anyrange", "anymultirange")
_ROUTED = """
WITH RECURSIVE above (leaf, parent, depth) AS (
    SELECT i.inhrelid, i.inhparent, 1
    FROM pg_catalog.pg_inherits AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
    WHERE c.relispartition AND c.relkind = 'r'
    UNION ALL
    SELECT a.leaf, i.inhparent, a.depth + 1
    FROM above AS a
    JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = a.parent
)
SELECT DISTINCT ON (a.leaf) ln.nspname, l.relname, pn.nspname, p.relname
FROM above AS a
JOIN pg_catalog.pg_partitioned_table AS t ON t.partrelid = a.parent
JOIN pg_catalog.pg_class AS l ON l.oid = a.leaf
JOIN pg_catalog.pg_namespace AS ln ON ln.oid = l.relnamespace
JOIN pg_catalog.pg_class AS p ON p.oid = a.parent
JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace
WHERE t.partstrat = 'h' AND EXISTS (
    SELECT FROM pg_catalog.unnest(t.partclass::oid[]) AS k (class)
    JOIN pg_catalog.pg_opclass AS o ON o.oid = k.class
    JOIN pg_catalog.pg_type AS y ON y.oid = o.opcintype
    WHERE y.typname = ANY (%(by_oid)s) OR (%(by_bytes)s AND y.typcollation <> 0)
)
ORDER BY a.leaf, a.depth DESC
"""


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
