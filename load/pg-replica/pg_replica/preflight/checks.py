"""Everything that can be known before work starts, all problems at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from entrepot_core.base.errors import Refused, TransientFailure
from entrepot_core.config import retired
from entrepot_core.policy import tables as policy
from entrepot_core.postgres.connection import Database, one_line
from pg_replica.databases import databases
from pg_replica.preflight import limits
from pg_replica.preflight.client_tools import check_client_tools
from pg_replica.preflight.dump import check_dump_path
from pg_replica.preflight.pair import check_pair
from pg_replica.preflight.report import Report
from pg_replica.preflight.source import check_source
from pg_replica.preflight.warehouse import check_warehouse, live_columns
from pg_replica.settings import Settings

# Sessions beside those of the workers: the snapshot's; the lock's, the record's and the night's.
_BESIDE_ON_SOURCE, _BESIDE_ON_WAREHOUSE = 1, 3


def check(settings: Settings) -> Report:
    """Run every check.

    Args:
        settings: The variables, valid each by itself.

    Returns:
        What was found.
    """
    report = Report()
    source, warehouse = databases(settings)
    report.policy_text, problems = policy.read(
        settings.tables_file, settings.backup_mode
    )
    report.problems += problems
    report.notes += retired.notes(os.environ)
    target_session = _connect(warehouse, report)
    source_session = _connect(source, report) if source else None
    try:
        check_client_tools(settings, source, source_session, target_session, report)
        if target_session:
            with _problems_of("warehouse", report):
                limits.check_writable(target_session, report)
                limits.check_connections(
                    target_session,
                    "warehouse",
                    settings.jobs + _BESIDE_ON_WAREHOUSE,
                    report,
                )
                check_warehouse(settings, target_session, report)
                report.live_columns = live_columns(
                    target_session, settings.replica_schema
                )
        if source_session:
            with _problems_of("source", report):
                limits.check_connections(
                    source_session, "source", settings.jobs + _BESIDE_ON_SOURCE, report
                )
                check_source(settings, source_session, report)
        if source_session and target_session:
            with _problems_of("source or the warehouse", report):
                check_pair(settings, source_session, target_session, report)
        if settings.mode == "archive":
            check_dump_path(settings, report)
    finally:
        for session in (source_session, target_session):
            if session:
                session.close()
    return report


@contextmanager
def _problems_of(label: str, report: Report) -> Iterator[None]:
    """Make a problem of whatever a server refuses, a table locked by a deploy for one."""
    try:
        yield
    except psycopg.Error as error:
        report.problems.append(f"the {label}: {one_line(error)}")


def _connect(database: Database, report: Report) -> psycopg.Connection | None:
    try:
        session = database.connect(purpose="check")
    except TransientFailure as error:
        report.problems.append(str(error))
        return None
    except Refused as refusal:
        report.problems += refusal.problems
        return None
    limits.check_transit(database, report)
    version = session.info.server_version
    report.notes.append(
        f"{database.label}: {database.place}, PostgreSQL {version // 10000}.{version % 10000}"
    )
    return session
