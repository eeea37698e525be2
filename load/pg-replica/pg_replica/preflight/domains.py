"""Whether the source has the tables that the models of the domains that are on read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from entrepot_core.base.errors import Refused, ReplicaError
from entrepot_core.config import domains
from entrepot_core.config.project import project_root
from entrepot_core.postgres import catalog
from entrepot_core.postgres.connection import explained
from pg_replica.databases import databases
from pg_replica.preflight.common import MANY
from pg_replica.preflight.report import Report
from pg_replica.settings import Settings

_SOURCES = "*sources.y*ml"
_REPLICA = "REPLICA_SCHEMA"  # a source of dbt whose schema names it is the replica
_EXPRESSION = "{{"
_RELATIONS = (
    "SELECT c.relname::text FROM pg_catalog.pg_class AS c"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm')"
    f" AND {catalog.USER_SCHEMAS}"
)


def check_domains(settings: Settings, report: Report) -> None:
    """Find the tables that models read, and that the source has not, or the policy leaves out.

    A night is not refused for that: the replica is good, and models of other tables are built.

    Args:
        settings: The variables.
        report: Takes what is found.
    """
    source, _ = databases(settings)
    if source is None or report.policy_text is None:
        return
    try:
        wanted = {
            name: _read_by(name) for name in domains.enabled() & domains.replicated()
        }
        if not any(wanted.values()):
            return
        with explained("source"), source.connect(purpose="check") as session:
            there = {name for (name,) in session.execute(_RELATIONS)}
            resolved = report.policy_text.resolve(catalog.table_columns(session))
    except (Refused, ReplicaError):  # said by the other checks
        return
    there |= set(resolved.former_names)
    out = {table.name for table, mode in resolved.kept_out.items() if mode == "none"}
    for name, tables in sorted(wanted.items()):
        if missing := sorted(tables - (there - out)):
            report.problems.append(
                f"DOMAINS has {name}, and its models read {len(tables)} tables, of which the "
                f"replica would lack {len(missing)} ({', '.join(missing[:MANY])}): take {name} out "
                "of DOMAINS, or give SOURCE_DATABASE_URL of the database that has them"
            )


def _read_by(domain: str) -> set[str]:
    """List the replica's tables that a domain's models read."""
    return {
        str(table.get("identifier") or table.get("name"))
        for source in _sources(domain)
        if _REPLICA in str(source.get("schema"))
        for table in source.get("tables") or []
        if isinstance(table, dict)
        and _EXPRESSION not in str(table.get("identifier") or table.get("name"))
    }


def _sources(domain: str) -> Iterator[dict[str, Any]]:
    root = project_root()
    own = domains.everything()[domain].folder
    place: Path = (
        root / own / "models" if own else root / "transform/models/staging" / domain
    )
    for file in sorted(place.rglob(_SOURCES)):
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (
            OSError,
            UnicodeDecodeError,
            yaml.YAMLError,
        ):  # dbt will say what is wrong
            continue
        found = content.get("sources") if isinstance(content, dict) else None
        yield from (each for each in found or [] if isinstance(each, dict))
