"""The contract of a project in which no model of `external` is on: an empty one.

A domain that is switched off takes its tables from partners with the next publication, and what a
failed build of it has left in `external_next` holds back no publication of others. dbt itself runs
no hook where nothing is to be built, so that this comes after it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import psycopg2

# With one of these a build is a part of the project.
_CHOICES = ("--select", "-s", "--models", "-m", "--exclude", "--selector", "--empty")
_SEAL = json.dumps({"sealed_by": "entrepot-dbt", "tables": []})
_IS_THERE = "SELECT pg_catalog.to_regnamespace('external_next') IS NOT NULL"
_HOLDS_TABLES = (
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS c"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'external')"
    " AND EXISTS (SELECT FROM entrepot_ops.publications WHERE 'external' = ANY (schemas))"
)


def withdraw(environment: Mapping[str, str], arguments: Sequence[str]) -> None:
    """Seal an empty contract after a whole build, where there is something to withdraw.

    Args:
        environment: dbt's.
        arguments: What followed `build`.
    """
    if any(each.split("=")[0] in _CHOICES for each in arguments):
        return
    manifest = _target_path(environment, arguments) / "manifest.json"
    if not manifest.exists() or _has_contract(manifest):
        return
    session = psycopg2.connect(environment["TARGET_DATABASE_URL"])
    with closing(session), session, session.cursor() as cursor:
        cursor.execute("LOCK TABLE entrepot_ops.external_build IN EXCLUSIVE MODE")
        cursor.execute(f"SELECT ({_IS_THERE}) OR ({_HOLDS_TABLES})")
        if cursor.fetchone() == (True,):
            cursor.execute("CREATE SCHEMA IF NOT EXISTS external_next")
            cursor.execute("COMMENT ON SCHEMA external_next IS %s", [_SEAL])


def _target_path(environment: Mapping[str, str], arguments: Sequence[str]) -> Path:
    """Find where dbt has written: an argument goes before the environment."""
    for place, each in enumerate(arguments):
        name, is_joined, value = each.partition("=")
        if name == "--target-path":
            following = arguments[place + 1 : place + 2]
            return Path(value if is_joined else "".join(following))
    return Path(environment["DBT_TARGET_PATH"])


def _has_contract(manifest: Path) -> bool:
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    return any(
        node["resource_type"] == "model" and node["fqn"][1:2] == ["external"]
        for node in nodes
    )
