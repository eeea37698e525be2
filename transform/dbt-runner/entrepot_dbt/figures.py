"""What the record says of each table, as figures on its page of the catalogue."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg2
from psycopg2.extensions import parse_dsn

from entrepot_core.postgres.transit import with_encryption

_TABLES = """
SELECT n.nspname, c.relname, coalesce(m.built_at, a.shown_since), nullif(c.reltuples, -1)::bigint,
    m.tested_at, m.tests, m.warned_tests, m.failed_tests
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN entrepot_ops.models AS m ON (m.model_schema, m.model_name) = (n.nspname, c.relname)
LEFT JOIN (
    SELECT schema, max(shown_since) AS shown_since FROM entrepot_info.as_of GROUP BY schema
) AS a ON a.schema = n.nspname
WHERE c.relkind IN ('r', 'p', 'm', 'v') AND n.nspname !~ '^(pg_|information_schema)'
"""
Stats = dict[str, dict[str, Any]]


def read(url: str) -> dict[tuple[str, str], Stats]:
    """Ask the warehouse.

    Args:
        url: The warehouse's.

    Returns:
        By schema and name what dbt's page calls the `stats` of a table; nothing where there is no
        record yet.

    Raises:
        psycopg2.Error: If it does not answer.
    """
    connection = psycopg2.connect(**with_encryption(parse_dsn(url)))
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('entrepot_ops.models') IS NOT NULL")
            if cursor.fetchone() != (True,):
                return {}
            cursor.execute(_TABLES)
            return {(row[0], row[1]): stats(*row[2:]) for row in cursor.fetchall()}
    finally:
        connection.close()


def stats(
    made: datetime | None,
    rows: int | None,
    tested: datetime | None,
    tests: int | None,
    warned: int | None,
    failed: int | None,
) -> Stats:
    """Write what is known of a table as dbt's page wants it.

    Args:
        made: When readers got its rows.
        rows: How many, as the planner estimates them.
        tested: When its tests last ran.
        tests: How many did.
        warned: How many of them warned.
        failed: How many of them failed.

    Returns:
        One entry for each figure that is known.
    """
    known = {}
    if made:
        known["made"] = ("Since", f"{made:%Y-%m-%d %H:%M %Z}")
    if rows:
        known["rows"] = ("Rows, about", f"{rows:,}")
    if tested and tests:
        bad = [f"{failed} failed"] * bool(failed) + [f"{warned} warned"] * bool(warned)
        said = ", ".join(bad) or "all passed"
        known["tests"] = (
            "Tests",
            f"{tests} on {tested:%Y-%m-%d %H:%M %Z}: {said}",
        )
    return {
        key: {
            "id": key,
            "label": label,
            "value": value,
            "description": label,
            "include": True,
        }
        for key, (label, value) in known.items()
    }
