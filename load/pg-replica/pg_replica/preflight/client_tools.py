"""Whether client tools of PostgreSQL fit both servers."""

from __future__ import annotations

import psycopg

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
    found = tools.find(settings.pg_bindir)
    servers = [
        major(session) for session in (source_session, target_session) if session
    ]
    newest = max(servers, default=0)
    report.tools = [pair for pair in found if pair.major >= newest]
    if source is not None:
        report.tools = [
            pair for pair in report.tools if tools.can_connect(pair, source)
        ]
    if report.tools:
        chosen = report.tools[0]
        report.notes.append(
            f"client tools: PostgreSQL {chosen.major} in {chosen.folder}"
        )
        return
    report.problems.append(tools.not_found(found, settings.pg_bindir, newest))
