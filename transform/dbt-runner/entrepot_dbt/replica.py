"""The replica's own tables in the catalogue, with the comments that the database has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg2
from psycopg2.extensions import parse_dsn

from entrepot_core.postgres.transit import with_encryption

Json = dict[str, Any]
_COLUMNS = """
SELECT n.nspname, c.relname, c.relkind::text,
    coalesce(pg_catalog.obj_description(c.oid, 'pg_class'), ''), a.attname, a.attnum,
    pg_catalog.format_type(a.atttypid, a.atttypmod),
    coalesce(pg_catalog.col_description(c.oid, a.attnum), '')
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'v', 'm')
AND (n.nspname = %(replica)s OR pg_catalog.starts_with(n.nspname, %(replica)s || '_'))
AND n.nspname !~ '_(next|previous|incremental)$'
ORDER BY 1, 2, a.attnum
"""
_KINDS = {"r": "BASE TABLE", "p": "BASE TABLE", "v": "VIEW", "m": "MATERIALIZED VIEW"}


def read(url: str, replica: str) -> list[tuple[Any, ...]]:
    """Ask the warehouse for the replica's columns.

    Args:
        url: The warehouse's.
        replica: `REPLICA_SCHEMA`.

    Returns:
        A row for each column.

    Raises:
        psycopg2.Error: If it does not answer.
    """
    connection = psycopg2.connect(**with_encryption(parse_dsn(url)))
    try:
        with connection.cursor() as cursor:
            cursor.execute(_COLUMNS, {"replica": replica})
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows
    finally:
        connection.close()


def add(manifest: Json, catalog: Json, rows: Iterable[tuple[Any, ...]]) -> None:
    """Add what no source of dbt names yet.

    Args:
        manifest: dbt's; sources are added.
        catalog: dbt's, likewise.
        rows: What `read` gave.
    """
    named = {(s["schema"], s.get("identifier")) for s in manifest["sources"].values()}
    for schema, name, kind, comment, column, place, data_type, about in rows:
        if (schema, name) in named:
            continue
        key = f"source.entrepot.{schema}.{name}"
        node = manifest["sources"].setdefault(key, _source(key, schema, name, comment))
        table = catalog["sources"].setdefault(
            key,
            {
                "unique_id": key,
                "metadata": {
                    "type": _KINDS[kind],
                    "schema": schema,
                    "name": name,
                    "comment": comment or None,
                },
                "columns": {},
            },
        )
        node["columns"][column] = {"name": column, "description": about}
        table["columns"][column] = {
            "name": column,
            "index": place,
            "type": data_type,
            "comment": about or None,
        }
        for relation in ("parent_map", "child_map"):
            manifest[relation].setdefault(key, [])


def _source(key: str, schema: str, name: str, comment: str) -> Json:
    return {
        "unique_id": key,
        "resource_type": "source",
        "name": name,
        "identifier": name,
        "source_name": schema,
        "source_description": "The replica, as the last night has published it",
        "loader": "pg-replica",
        "description": comment,
        "schema": schema,
        "package_name": "entrepot",
        "path": "",
        "original_file_path": "",
        "fqn": ["entrepot", schema, name],
        "tags": [],
        "meta": {},
        "config": {"enabled": True},
        "columns": {},
    }


def without_strays(nodes: Mapping[str, Json], shown: Iterable[str]) -> dict[str, Json]:
    """Leave out tests of models that are off, which dbt keeps in its manifest.

    Args:
        nodes: Models, seeds and tests.
        shown: What the catalogue shows beside them.

    Returns:
        The nodes that hang on nothing that is missing.
    """
    known = {*nodes, *shown}
    return {
        key: node
        for key, node in nodes.items()
        if node["resource_type"] != "test"
        or (
            node["depends_on"]["nodes"]
            and known.issuperset(node["depends_on"]["nodes"])
        )
    }
