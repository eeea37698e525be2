"""What a warehouse that is older than its source does not know: said before the night begins."""

from __future__ import annotations

from collections import defaultdict

import psycopg

from entrepot_core.postgres.identifiers import TableName
from pg_replica.dump.without import KNOWS, NOTHING, Lacking
from pg_replica.preflight.common import MANY
from pg_replica.preflight.report import Report

# PostgreSQL 18's; each with its table, its name, and for a NOT NULL its column.
_NEWER = """
SELECT CASE WHEN o.conperiod THEN 'temporal' WHEN NOT o.conenforced THEN 'unenforced'
    ELSE 'required' END, n.nspname::text, c.relname::text, o.conname::text, a.attname::text
FROM pg_catalog.pg_constraint AS o JOIN pg_catalog.pg_class AS c ON c.oid = o.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute AS a
    ON o.contype = 'n' AND a.attrelid = c.oid AND a.attnum = o.conkey[1]
WHERE o.conperiod OR NOT o.conenforced OR (
    o.contype = 'n' AND (NOT o.convalidated OR o.connoinherit OR a.attinhcount > 0))
UNION ALL
SELECT 'virtual', n.nspname::text, c.relname::text, a.attname::text, a.attname::text
FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE a.attgenerated = 'v' AND NOT a.attisdropped
ORDER BY 1, 2, 3, 4
"""
_SAID = {
    "temporal": "keys with WITHOUT OVERLAPS or PERIOD are left out",
    "unenforced": "constraints that are NOT ENFORCED are left out",
    "required": "these NOT NULLs are left out where they cannot be written",
    "virtual": "virtual generated columns are stored",
}


def check(
    source: psycopg.Connection, target: psycopg.Connection, report: Report
) -> None:
    """Say what the warehouse's server does not know, and what becomes of it.

    Args:
        source: A session on the source.
        target: A session on the warehouse.
        report: Takes what is found.
    """
    there, here = source.info.server_version, target.info.server_version
    if there // 10000 <= here // 10000:
        return
    report.warnings.append(
        f"the warehouse (PostgreSQL {here // 10000}) is older than the source "
        f"({there // 10000}): views and functions that use what is newer stop the night, which "
        "names them; upgrade the warehouse, or name them in tolerated_items"
    )
    if there < KNOWS or here >= KNOWS:
        return
    found = defaultdict(list)
    for kind, schema, relation, name, column in source.execute(_NEWER):
        table = TableName(schema, relation)
        found[kind].append(f"{name} of table {table}")
        lacking = Lacking(
            constraints=frozenset({name} if kind == "unenforced" else ()),
            loose=frozenset({column} if column else ()),
        )
        report.lacking[table] = report.lacking.get(table, NOTHING) | lacking
    for kind, names in found.items():
        more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
        report.warnings.append(
            f"PostgreSQL {here // 10000} does not know them, and {_SAID[kind]}: "
            f"{', '.join(names[:MANY])}{more}"
        )
