"""Whether client tools of PostgreSQL fit both servers."""

from __future__ import annotations

import psycopg

from entrepot_core.base.errors import Refused
from entrepot_core.postgres import client_tools as tools
from entrepot_core.postgres.connection import Database
from entrepot_core.postgres.server import major
from pg_replica.preflight.report import Report
from pg_replica.settings import Settings


def check_client_tools(
    settings: Settings,
    source: Database | None,
    source_session: psycopg.Connection | None,
    target_session: psycopg.Connection | None,
    report: Report,
) -> None:
    """Keep the client tools that are as new as both servers and can reach the source.

    Args:
        settings: For the folder where the tools may be.
        source: The source, if it is a live one.
        source_session: A session there, if it could be opened.
        target_session: A session on the warehouse, if it could be opened.
        report: Takes the usable tools, in order of preference, or the problem.
    """
    servers = [
        major(session) for session in (source_session, target_session) if session
    ]
    try:
        report.tools = tools.usable(settings.pg_bindir, max(servers, default=0), source)
    except Refused as refusal:
        report.tools = []
        report.problems += refusal.problems
        return
    chosen = report.tools[0]
    report.notes.append(f"client tools: PostgreSQL {chosen.major} in {chosen.folder}")
