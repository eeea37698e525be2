"""What limits of a server a night would run into."""

from __future__ import annotations

import psycopg

from entrepot_core.postgres.connection import Database
from entrepot_core.postgres.transit import UNVERIFIED, WEAK, is_local
from pg_replica.preflight.report import Report

_LOCKERS = 2  # our snapshot and pg_dump, each of which locks every table
_LIMITS = """
SELECT r.rolconnlimit, d.datconnlimit,
    (SELECT setting::int FROM pg_catalog.pg_settings WHERE name = 'max_connections')
    - (SELECT sum(setting::int)::int FROM pg_catalog.pg_settings
        WHERE name IN ('superuser_reserved_connections', 'reserved_connections'))
    - (SELECT count(*)::int FROM pg_catalog.pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid())
FROM pg_catalog.pg_roles AS r, pg_catalog.pg_database AS d
WHERE r.rolname = current_user AND d.datname = pg_catalog.current_database()
"""
_LOCKS = """
SELECT (SELECT setting::bigint FROM pg_catalog.pg_settings
        WHERE name = 'max_locks_per_transaction')
    * (SELECT sum(setting::bigint) FROM pg_catalog.pg_settings
        WHERE name IN ('max_connections', 'max_prepared_transactions'))
"""


def check_connections(
    session: psycopg.Connection, label: str, needed: int, report: Report
) -> None:
    """Compare the sessions that a night needs with the server's limits.

    Args:
        session: A session there.
        label: Which server.
        needed: Sessions that a night has there at once.
        report: Takes what is found.
    """
    row = session.execute(_LIMITS).fetchone()
    if row is None:
        return
    names = ("CONNECTION LIMIT of the role", "CONNECTION LIMIT of the database")
    for name, limit in zip(names, row[:2], strict=True):
        if 0 <= limit < needed:
            report.problems.append(
                f"the {label}: a night needs {needed} connections, the {name} is {limit}: raise "
                "it, or lower PG_RESTORE_JOBS"
            )
    if row[2] is not None and row[2] < needed:
        report.warnings.append(
            f"the {label}: a night needs {needed} connections, {row[2]} are free now: raise "
            "max_connections, or lower PG_RESTORE_JOBS"
        )


def check_locks(session: psycopg.Connection, tables: int, report: Report) -> None:
    """Compare the locks that a night takes on the source with its server's table of locks.

    Args:
        session: A session on the source.
        tables: How many tables are read.
        report: Takes what is found.
    """
    row = session.execute(_LOCKS).fetchone()
    wanted = _LOCKERS * tables
    if row and row[0] is not None and wanted > row[0]:
        report.warnings.append(
            f"the source: a night locks {tables} tables in {_LOCKERS} sessions, {wanted} locks, "
            f"and its server is set up for {row[0]}: raise max_locks_per_transaction there"
        )


def check_writable(session: psycopg.Connection, report: Report) -> None:
    """Find out whether the warehouse takes writes.

    Args:
        session: A session on the warehouse.
        report: Takes the problem.
    """
    row = session.execute(
        "SELECT pg_catalog.pg_is_in_recovery(),"
        " pg_catalog.current_setting('default_transaction_read_only') = 'on'"
    ).fetchone()
    if row and row[0]:
        report.problems.append(
            "the warehouse is a standby, which takes no writes: give its primary's address"
        )
    elif row and row[1]:
        report.problems.append(
            "the warehouse: default_transaction_read_only is on for our role or the database: "
            "ALTER ROLE … RESET default_transaction_read_only, or the same of the database"
        )


def check_transit(database: Database, report: Report) -> None:
    """Say how the connection is protected.

    Args:
        database: Where to.
        report: Takes what is found.
    """
    parts = database.parts
    mode = parts.get("sslmode")
    if is_local(parts):
        return
    if mode in WEAK:
        report.warnings.append(
            f"the {database.label}: sslmode={mode} lets rows and the password pass unencrypted: "
            "sslmode=verify-full is the safe one"
        )
    elif mode in UNVERIFIED:
        report.notes.append(
            f"{database.label}: encrypted, but the server's name is not verified "
            "(sslmode=verify-full and sslrootcert would)"
        )
