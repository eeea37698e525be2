"""What the checks of both servers share."""

from __future__ import annotations

import psycopg

from entrepot_core.postgres.server import major
from pg_replica.preflight.report import Report

MANY = 10


def check_version(
    session: psycopg.Connection, label: str, oldest: int, report: Report
) -> None:
    """Add a problem if a server is older than the oldest that is supported.

    Args:
        session: A session on the server.
        label: Which server, for the message.
        oldest: The oldest major version supported.
        report: Takes the problem.
    """
    if major(session) < oldest:
        report.problems.append(
            f"the {label} is PostgreSQL {major(session)}; {oldest} is the oldest supported"
        )
