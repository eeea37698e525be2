"""What the source must show its reader."""

from __future__ import annotations

import psycopg

from entrepot_core.policy.tables import domain_to_switch_on
from entrepot_core.postgres import catalog
from entrepot_core.warehouse.schemas import Naming
from pg_replica.preflight.common import MANY, check_version
from pg_replica.preflight.limits import check_locks
from pg_replica.preflight.policy import policy_problems
from pg_replica.preflight.report import Report
from pg_replica.settings import Settings
from pg_replica.warehouse import homes, source_code

_OLDEST_SOURCE = 12


def check_source(
    settings: Settings, session: psycopg.Connection, report: Report
) -> None:
    """Check the source's version, the policy against its tables, and what its role may read.

    Args:
        settings: The variables.
        session: A session on the source.
        report: With the table policy; takes what is found.
    """
    check_version(session, "source", _OLDEST_SOURCE, report)
    assert report.policy_text is not None
    columns = catalog.table_columns(session)
    tables = catalog.tables(session)
    resolved = report.policy_text.resolve(columns)
    report.problems += resolved.problems
    report.problems += policy_problems(resolved, tables, settings)
    if hint := domain_to_switch_on(columns):
        report.warnings.append(hint)
    copied = [table for table in tables if resolved.rule(table.name).mode == "full"]
    if unreadable := [str(table.name) for table in copied if not table.readable]:
        report.problems.append(
            f"the source's role may not read {len(unreadable)} tables "
            f"({', '.join(unreadable[:MANY])}): GRANT SELECT, or give them mode none"
        )
    if hidden := [str(table.name) for table in copied if table.row_security]:
        report.problems.append(
            f"row security hides rows of {', '.join(hidden[:MANY])} from the source's role: "
            "use the tables' owner, or a role with BYPASSRLS"
        )
    schemas = homes.landing_schemas(session)
    report.problems += Naming(settings.replica_schema).problems(schemas)
    _check_definers(session, report)
    check_locks(session, len(tables), report)
    runs_as_owner = not (settings.build_role or settings.trust_source_code)
    if runs_as_owner and (found := source_code.that_runs(session, resolved)):
        report.problems.append(source_code.refusal(found))
    _estimate(session, sum(table.size for table in copied), report)


def _check_definers(session: psycopg.Connection, report: Report) -> None:
    """Say which functions will not run here as they do there."""
    definers = [
        row[0]
        for row in session.execute(
            "SELECT p.oid::pg_catalog.regprocedure::text FROM pg_catalog.pg_proc AS p"
            " JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace"
            f" WHERE p.prosecdef AND {catalog.USER_SCHEMAS}"
            f" AND {catalog.NOT_AN_EXTENSIONS.format(classid='pg_catalog.pg_proc', oid='p.oid')}"
            " ORDER BY 1"
        )
    ]
    if definers:
        listed = ", ".join(definers[:MANY])
        report.warnings.append(
            f"{len(definers)} functions of the source are SECURITY DEFINER ({listed}): in the "
            "warehouse they run with their caller's rights, and nobody may call those that no view "
            "needs"
        )


def _estimate(session: psycopg.Connection, rows: int, report: Report) -> None:
    """Say what the night needs; no ordinary role can ask a server for its free disk."""
    row = session.execute(
        "SELECT coalesce(sum(pg_catalog.pg_indexes_size(c.oid)), 0) FROM pg_catalog.pg_class AS c"
        " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        f" WHERE c.relkind = 'r' AND {catalog.USER_SCHEMAS}"
    ).fetchone()
    indexes = int(row[0]) if row else 0
    report.notes.append(
        f"the warehouse needs about {(rows + indexes) / 1e9:.2f} GB beside the live night "
        f"(rows {rows / 1e9:.2f}, indexes {indexes / 1e9:.2f}), and the same again for the "
        "previous night until the transformations have passed"
    )
