"""What both servers must have in common."""

from __future__ import annotations

import psycopg

from entrepot_core.base.suggest import nearest
from entrepot_core.postgres.connection import are_same
from pg_replica.preflight.report import Report

_EXTENSIONS = (
    "SELECT extname::text FROM pg_catalog.pg_extension"
    " WHERE extname <> 'plpgsql' ORDER BY 1"
)


def check_pair(
    source: psycopg.Connection, target: psycopg.Connection, report: Report
) -> None:
    """Check that the servers are two, and that the warehouse can have the source's extensions.

    Args:
        source: A session on the source.
        target: A session on the warehouse.
        report: Takes what is found.
    """
    if are_same(source, target):
        report.problems.append(
            "TARGET_DATABASE_URL is the same database as SOURCE_DATABASE_URL: the warehouse must "
            "be another one"
        )
    wanted = [row[0] for row in source.execute(_EXTENSIONS)]
    installed = {row[0] for row in target.execute(_EXTENSIONS)}
    available: dict[str, bool] = dict(
        target.execute(
            "SELECT name::text, bool_or(trusted OR NOT superuser)"
            " FROM pg_catalog.pg_available_extension_versions GROUP BY 1"
        ).fetchall()
    )
    tolerated = report.policy_text.tolerated if report.policy_text else frozenset()
    for name in wanted:
        if name in installed or f"EXTENSION {name}" in tolerated:
            continue
        if name not in available:
            report.problems.append(
                f"extension {name} of the source is not available on the warehouse's server: "
                f"install its package, or add 'EXTENSION {name}' to tolerated_items if no "
                f"replicated object needs it{nearest(name, list(available))}"
            )
        elif not available[name]:
            report.problems.append(
                f"extension {name} needs a superuser to create it on the warehouse: have one run "
                f"CREATE EXTENSION {name} SCHEMA public, once"
            )
