"""The catalogue as one file that may be published: dbt's page, with what is public inside.

dbt's own static page carries whole artifacts: who owns each table, the database's name, folders of
this machine, compiled SQL with values of the environment. Here only what is named goes in, so that
what a later dbt adds to its artifacts stays out.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psycopg2

from entrepot_dbt import figures, replica
from entrepot_dbt.messages import without_values
from entrepot_dbt.runner import dbt_command, settings

Json = dict[str, Any]

DATABASE = "warehouse"  # what the page calls the database, whatever its name
_PLACES = {
    "manifest": '"MANIFEST.JSON INLINE DATA"',
    "catalog": '"CATALOG.JSON INLINE DATA"',
}
# The page may run what is in it, and ask nobody for anything.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:"
)
# dbt's page cuts a column's description at the width of its cell.
_STYLE = "<style>tr.column-row td{white-space:normal!important;overflow-wrap:anywhere}</style>"
_SHOWN_TYPES = {"model", "seed", "snapshot", "test"}
_NODE = (
    *(
        "unique_id",
        "resource_type",
        "name",
        "label",
        "alias",
        "description",
        "package_name",
    ),
    *(
        "path",
        "original_file_path",
        "fqn",
        "schema",
        "tags",
        "meta",
        "docs",
        "language",
    ),
    *("raw_code", "refs", "sources", "access", "group", "version", "latest_version"),
    # of sources
    *("source_name", "source_description", "identifier", "loader"),
    # of tests
    *("test_metadata", "column_name", "attached_node", "file_key_name"),
    # of exposures
    *("type", "owner", "maturity", "url"),
)
_CONFIG = (
    "enabled",
    "materialized",
    "unique_key",
    "incremental_strategy",
    "tags",
    "meta",
)
_COLUMN = ("name", "description", "data_type", "constraints", "tags", "meta")
_DOC = ("unique_id", "resource_type", "name", "package_name", "path", "block_contents")
_TABLE = ("type", "schema", "name", "comment")
_TABLE_COLUMN = ("type", "index", "name", "comment")
_METADATA = (
    "dbt_schema_version",
    "dbt_version",
    "generated_at",
    "project_name",
    "adapter_type",
)


def public_manifest(manifest: Mapping[str, Any]) -> Json:
    """Keep what readers of the catalogue are shown of the project.

    Args:
        manifest: dbt's manifest.json.

    Returns:
        The part that may be published: no macros, no hooks, no compiled SQL, no grants, and of the
        environment nothing.
    """
    project = manifest["metadata"]["project_name"]
    nodes = {
        key: _node(node)
        for key, node in manifest["nodes"].items()
        if node["resource_type"] in _SHOWN_TYPES
    }
    sources = {key: _node(node) for key, node in manifest["sources"].items()}
    exposures = {key: _node(node) for key, node in manifest["exposures"].items()}
    nodes = replica.without_strays(nodes, sources)
    shown = {*nodes, *sources, *exposures}
    return {
        "metadata": {
            **_only(_METADATA, manifest["metadata"]),
            "send_anonymous_usage_stats": False,
        },
        "nodes": nodes,
        "sources": sources,
        "exposures": exposures,
        "docs": {
            key: _only(_DOC, doc)
            for key, doc in manifest["docs"].items()
            if doc["package_name"] == project
        },
        **{
            relation: {
                key: [other for other in others if other in shown]
                for key, others in manifest[relation].items()
                if key in shown
            }
            for relation in ("parent_map", "child_map")
        },
        **{
            kind: {}
            for kind in ("macros", "metrics", "groups", "selectors", "disabled")
        },
        **{kind: {} for kind in ("semantic_models", "saved_queries", "unit_tests")},
    }


def public_catalog(
    catalog: Mapping[str, Any],
    figures: Mapping[tuple[str, str], Json] | None = None,
) -> Json:
    """Keep what readers of the catalogue are shown of the database.

    Args:
        catalog: dbt's catalog.json.
        figures: The stats of tables, by schema and name.

    Returns:
        Tables and their columns, without their owners.
    """
    return {
        "metadata": _only(_METADATA, catalog["metadata"]),
        "errors": None,
        **{
            kind: {
                key: _table(table, figures or {})
                for key, table in catalog[kind].items()
            }
            for kind in ("nodes", "sources")
        },
    }


def page(template: str, manifest: Json, catalog: Json) -> str:
    """Put data into dbt's page.

    Args:
        template: dbt's index.html.
        manifest: What `public_manifest` gave.
        catalog: What `public_catalog` gave.

    Returns:
        HTML that stands alone.

    Raises:
        ValueError: If the page has no place for the data, as in another version of dbt.
    """
    for name, data in (("manifest", manifest), ("catalog", catalog)):
        if template.count(_PLACES[name]) != 1:
            raise ValueError(
                f"dbt's page has no place for the {name}: its version has changed"
            )
        # In a script, `</script>` and `<!--` would end it or hide its end.
        template = template.replace(
            _PLACES[name], json.dumps(data).replace("<", "\\u003c")
        )
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    return template.replace("<head>", f"<head>{policy}{_STYLE}", 1)


def _node(node: Mapping[str, Any]) -> Json:
    return {
        **_only(_NODE, node),
        "description": _in_two_languages(node),
        "database": DATABASE,
        "columns": {
            name: _only(_COLUMN, column)
            for name, column in node.get("columns", {}).items()
        },
        "config": _only(_CONFIG, node["config"]),
        "depends_on": {
            "nodes": node.get("depends_on", {}).get("nodes", []),
            "macros": [],
        },
    }


def _in_two_languages(node: Mapping[str, Any]) -> str:
    """Put the French title, `meta.fr`, before the description, where the search finds it."""
    french = node["config"].get("meta", {}).get("fr")
    described: str = node.get("description", "")
    return f"*{french}*\n\n{described}" if french else described


def _table(table: Mapping[str, Any], figures: Mapping[tuple[str, str], Json]) -> Json:
    place = (table["metadata"].get("schema"), table["metadata"].get("name"))
    stats = figures.get(place, {})
    has_stats = {
        "id": "has_stats",
        "label": "Has Stats?",
        "value": bool(stats),
        "description": "Whether there are any",
        "include": False,
    }
    return {
        "unique_id": table["unique_id"],
        "metadata": {
            **_only(_TABLE, table["metadata"]),
            "database": DATABASE,
            "owner": None,
        },
        "columns": {
            name: _only(_TABLE_COLUMN, column)
            for name, column in table["columns"].items()
        },
        "stats": {**stats, "has_stats": has_stats},
    }


def _only(names: Iterable[str], given: Mapping[str, Any]) -> Json:
    return {name: given[name] for name in names if name in given}


def main() -> None:
    """Let dbt describe the warehouse, then write `catalogue.html` beside its folder."""
    env = settings()
    status = subprocess.run(
        [*dbt_command(), "docs", "generate", *sys.argv[1:]], env=env, check=False
    ).returncode
    if status:
        sys.exit(status)
    target = Path(env["DBT_TARGET_PATH"])
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    catalog = json.loads((target / "catalog.json").read_text(encoding="utf-8"))
    template = (target / "index.html").read_text(encoding="utf-8")
    try:
        known = figures.read(env["TARGET_DATABASE_URL"])
        rows = replica.read(env["TARGET_DATABASE_URL"], env["REPLICA_SCHEMA"])
        replica.add(manifest, catalog, rows)
    except psycopg2.Error as error:
        print(
            f"The catalogue has no figures: {without_values(error)}",
            file=sys.stderr,
        )
        known = {}
    written = target.parent / "catalogue.html"
    unfinished = written.with_suffix(".unfinished")
    unfinished.write_text(
        page(template, public_manifest(manifest), public_catalog(catalog, known)),
        encoding="utf-8",
    )
    unfinished.replace(written)
    print(f"The catalogue is in {written}")
