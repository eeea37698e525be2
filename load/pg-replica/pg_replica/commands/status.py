"""The verb `status`: the last runs, the one under way, what they found."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from entrepot_core.base.redaction import redact
from entrepot_core.base.text import visible
from entrepot_core.postgres.connection import explained
from entrepot_core.warehouse import migrate
from pg_replica.databases import databases
from pg_replica.settings import Settings

_RUNS = """
SELECT r.run_id, r.command, r.mode, r.status, r.step, r.host, r.pid, r.started_at, r.message,
    extract(epoch FROM coalesce(r.ended_at, now()) - r.started_at)::float8 AS seconds,
    p.published_at, r.replication, r.replication_reason,
    i.row_count, i.byte_count,
    (SELECT count(*) FROM entrepot_ops.findings AS f WHERE f.run_id = r.run_id) AS findings
FROM entrepot_ops.runs AS r LEFT JOIN entrepot_ops.publications AS p USING (run_id)
LEFT JOIN (
    SELECT run_id, sum(row_count)::bigint AS row_count, sum(byte_count)::bigint AS byte_count
    FROM entrepot_ops.items GROUP BY run_id
) AS i USING (run_id)
ORDER BY r.run_id DESC LIMIT %s
"""
_STEPS = """
SELECT attempt, step, started_at, seconds, status FROM entrepot_ops.steps
WHERE run_id = %s ORDER BY started_at
"""
_SLOWEST = """
SELECT kind, name, seconds, row_count, byte_count FROM entrepot_ops.items
WHERE run_id = %s ORDER BY seconds DESC LIMIT 10
"""
_CHANGES = """
SELECT table_name, way, reason, inserted_rows, updated_rows, deleted_rows, row_count
FROM entrepot_ops.table_changes WHERE run_id = %s
ORDER BY inserted_rows + updated_rows + deleted_rows DESC, table_name
"""
_FINDINGS = "SELECT subject, finding FROM entrepot_ops.findings WHERE run_id = %s ORDER BY found_at"


def read(settings: Settings, count: int) -> list[dict[str, Any]]:
    """Read the last runs.

    Args:
        settings: The variables.
        count: How many.

    Returns:
        The runs, the newest first; the newest with its steps, slowest items and findings.
    """
    _, warehouse = databases(settings)
    with explained("warehouse"), warehouse.connect(purpose="status") as connection:
        if not migrate.upgrade_if_made(connection):
            return []
        cursor = connection.cursor(row_factory=dict_row)
        runs = cursor.execute(_RUNS, [count]).fetchall()
        if runs:
            runs[0].update(_details(cursor, runs[0]["run_id"]))
    return runs


def _details(cursor: psycopg.Cursor[dict[str, Any]], run_id: int) -> dict[str, Any]:
    return {
        "steps": cursor.execute(_STEPS, [run_id]).fetchall(),
        "slowest_items": cursor.execute(_SLOWEST, [run_id]).fetchall(),
        "table_changes": cursor.execute(_CHANGES, [run_id]).fetchall(),
        "finding_list": cursor.execute(_FINDINGS, [run_id]).fetchall(),
    }


def as_json(runs: list[dict[str, Any]]) -> str:
    """Write runs for machines.

    Args:
        runs: As `read` gives them.

    Returns:
        A JSON list.
    """
    return json.dumps(runs, default=_to_json, indent=2, ensure_ascii=False)


def _to_json(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def show(runs: list[dict[str, Any]], console: Console) -> None:
    """Write runs for people.

    Args:
        runs: As `read` gives them.
        console: Where.
    """
    if not runs:
        console.print("No run yet.")
        return
    overview = Table(
        "run", "command", "status", "started", "seconds", "rows", "step", "findings"
    )
    for run in runs:
        overview.add_row(
            str(run["run_id"]),
            f"{run['command']} ({run['replication'] or run['mode']})",
            run["status"],
            f"{run['started_at']:%Y-%m-%d %H:%M:%S %Z}",
            f"{run['seconds']:.1f}",
            "" if run["row_count"] is None else f"{run['row_count']:,}",
            escape(visible(run["step"])),
            str(run["findings"]),
        )
    console.print(overview)
    if nights := [run["replication"] for run in runs if run["replication"]]:
        count = nights.count("delta")
        console.print(f"{count} of {len(nights)} nights brought changes alone.")
    _show_newest(runs[0], console)
    _show_changes(runs[0], console)


def _show_newest(run: dict[str, Any], console: Console) -> None:
    if run["status"] == "running":
        console.print(
            f"Run {run['run_id']} is under way on {run['host']}, process {run['pid']}.",
            markup=False,
        )
    if run["message"]:
        message = visible(redact(f"Run {run['run_id']}: {run['message']}"))
        console.print(message, markup=False)
    slowest = Table(
        "kind", "slowest items of the last run", "seconds", "rows", "megabytes"
    )
    for item in run["slowest_items"]:
        slowest.add_row(
            escape(visible(item["kind"])),
            escape(visible(item["name"])),
            f"{item['seconds']:.2f}",
            "" if item["row_count"] is None else f"{item['row_count']:,}",
            "" if item["byte_count"] is None else f"{item['byte_count'] / 1e6:,.1f}",
        )
    if run["slowest_items"]:
        console.print(slowest)
    for finding in run["finding_list"]:
        text = visible(redact(f"- {finding['subject']}: {finding['finding']}"))
        console.print(text, markup=False)


def _show_changes(run: dict[str, Any], console: Console) -> None:
    """Show why everything was copied, or what was done to each table."""
    if run["replication_reason"]:
        reason = visible(redact(f"Everything was copied: {run['replication_reason']}"))
        console.print(reason, markup=False)
    changed = [
        each
        for each in run["table_changes"]
        if each["inserted_rows"] or each["updated_rows"] or each["deleted_rows"]
    ]
    if run["replication"] != "delta":
        return
    shown = Table("table", "read", "inserted", "updated", "deleted", "rows")
    for each in changed:
        figures = ("inserted_rows", "updated_rows", "deleted_rows", "row_count")
        shown.add_row(
            escape(visible(each["table_name"])),
            each["way"],
            *(f"{each[figure]:,}" for figure in figures),
        )
    console.print(shown if changed else "No row had changed.")
