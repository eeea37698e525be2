"""Everything that the report shows of a night, from the record."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from entrepot_core.base.errors import RunFailed
from entrepot_ops.record.store import Row, Store
from entrepot_ops.report import outcome, since

_TREND = 30  # nights
_SLOWEST = 5  # items of each kind, as far as the report lists them
_ATTEMPTS = """
SELECT place, step, task, attempt, status, started_at, ended_at, seconds, exit_status, row_count,
    byte_count, run_ids, message
FROM entrepot_ops.night_steps WHERE night_id = %s ORDER BY place, step, attempt
"""
_STARTS = """
SELECT started_at, ended_at, host, pid, status FROM entrepot_ops.night_starts
WHERE night_id = %s ORDER BY started_at
"""
_KINDS = """
SELECT i.kind, count(*) AS items, sum(i.seconds) AS seconds, sum(i.row_count)::bigint AS row_count,
    sum(i.byte_count)::bigint AS byte_count
FROM entrepot_ops.items AS i WHERE i.run_id = ANY (%s) GROUP BY i.kind ORDER BY sum(i.seconds) DESC
"""
_ITEMS = """
SELECT kind, name, seconds, row_count, byte_count, previous_seconds FROM (
    SELECT i.kind, i.name, i.seconds, i.row_count, i.byte_count, p.seconds AS previous_seconds,
        row_number() OVER (PARTITION BY i.kind ORDER BY i.seconds DESC) AS place,
        sum(i.seconds) OVER (PARTITION BY i.kind) AS of_kind
    FROM entrepot_ops.items AS i LEFT JOIN (
        SELECT kind, name, max(seconds) AS seconds FROM entrepot_ops.items
        WHERE run_id = ANY (%s) GROUP BY kind, name
    ) AS p USING (kind, name) WHERE i.run_id = ANY (%s)
) AS ranked WHERE place <= %s ORDER BY of_kind DESC, seconds DESC
"""
_TABLES = """
SELECT t.table_schema, t.table_name, t.row_estimate, t.byte_count,
    t.row_estimate - p.row_estimate AS row_growth, t.byte_count - p.byte_count AS byte_growth,
    p.night_id IS NULL AS is_new
FROM entrepot_ops.table_sizes AS t LEFT JOIN entrepot_ops.table_sizes AS p
    ON p.night_id = %s AND (p.table_schema, p.table_name) = (t.table_schema, t.table_name)
WHERE t.night_id = %s
ORDER BY t.byte_count DESC, t.table_schema, t.table_name
"""
_GONE = """
SELECT table_schema, table_name FROM entrepot_ops.table_sizes WHERE night_id = %s
EXCEPT SELECT table_schema, table_name FROM entrepot_ops.table_sizes WHERE night_id = %s
ORDER BY 1, 2
"""
_NIGHTS = f"""
SELECT n.night_id, n.status, n.scope, n.started_at,
    {outcome.WORKED} AS seconds,
    (SELECT sum(s.row_count)::bigint FROM entrepot_ops.night_steps AS s
        WHERE s.night_id = n.night_id
        AND s.status IN ('succeeded', 'partial', 'differs')) AS row_count,
    (SELECT sum(t.byte_count)::bigint FROM entrepot_ops.table_sizes AS t
        WHERE t.night_id = n.night_id) AS warehouse_bytes
FROM entrepot_ops.nights AS n WHERE n.night_id <= %s ORDER BY n.night_id DESC LIMIT %s
"""
_DBT = """
SELECT DISTINCT ON (node) node, kind, status, seconds, row_count, failures, message
FROM entrepot_ops.dbt_results WHERE night_id = %s ORDER BY node, attempt DESC
"""
_AUDITS = """
SELECT stream, low, high, compared_rows, differing_ranges, missing_rows, changed_rows,
    surplus_rows, is_dry_run, is_at_end
FROM entrepot_ops.audits WHERE run_id = ANY (%s) ORDER BY stream
"""
_FINDINGS = """
SELECT subject, finding FROM entrepot_ops.findings WHERE run_id = ANY (%s) ORDER BY found_at
"""
# What each step's tables are as of: its last success, whichever night that was.
_FRESHNESS = """
SELECT s.step, max(s.ended_at) AS brought_at,
    extract(epoch FROM now() - max(s.ended_at))::float8 AS age
FROM entrepot_ops.night_steps AS s JOIN entrepot_ops.nights AS n USING (night_id)
WHERE s.status IN ('succeeded', 'differs') AND n.status <> 'imported'
GROUP BY s.step ORDER BY min(s.place), s.step
"""
_STEPS_TREND = """
SELECT DISTINCT ON (s.night_id, s.step) s.night_id, s.step, s.place, s.status, s.seconds,
    s.ended_at, n.ended_at AS night_ended_at
FROM entrepot_ops.night_steps AS s JOIN (
    SELECT night_id, ended_at FROM entrepot_ops.nights WHERE night_id <= %s AND status <> 'imported'
    ORDER BY night_id DESC LIMIT %s
) AS n USING (night_id) ORDER BY s.night_id, s.step, s.attempt DESC
"""
_SIZES_TREND = """
SELECT night_id, table_schema, sum(byte_count)::float8 AS byte_count
FROM entrepot_ops.table_sizes WHERE night_id IN (
    SELECT night_id FROM entrepot_ops.nights WHERE night_id <= %s AND status <> 'imported'
    ORDER BY night_id DESC LIMIT %s
) GROUP BY night_id, table_schema
"""
_TOLD = """
SELECT sent_at, receiver, outcome, is_delivered, message FROM entrepot_ops.notifications
WHERE night_id = %s ORDER BY sent_at
"""


def read(
    store: Store, night_id: int | None, compare: int | None, zone: str = "UTC"
) -> dict[str, Any]:
    """Read a night.

    Args:
        store: The record.
        night_id: Which; the newest when None.
        compare: With which other night; the one before when None.
        zone: The time zone whose days and weekdays are meant.

    Returns:
        What templates and JSON show.

    Raises:
        RunFailed: If there is no such night.
    """
    found = outcome.read(store, night_id)
    if found is None or found.night_id is None:
        which = f"there is no night {night_id}" if night_id else "there is no night yet"
        raise RunFailed(f"{which}: `ops nightly` records them")
    night = found.night_id
    other = compare or _night_before(store, night)
    attempts = store.rows(_ATTEMPTS, [night])
    runs = _runs(attempts)
    before = _runs(store.rows(_ATTEMPTS, [other])) if other else []
    results = store.rows(_DBT, [night])
    dbt = _dbt(results)
    dbt["warned"] = since.is_new(
        dbt["warned"], _dbt(store.rows(_DBT, [other]))["warned"], "node"
    )
    findings = since.is_new(
        store.rows(_FINDINGS, [runs]),
        store.rows(_FINDINGS, [before]),
        *("subject", "finding"),
    )
    data = {
        "night": found.as_dict(),
        "compared_with": other,
        "attempts": attempts,
        "starts": store.rows(_STARTS, [night]),
        "kinds": store.rows(_KINDS, [runs]),
        "slowest_items": store.rows(_ITEMS, [before, runs, _SLOWEST]),
        "tables": store.rows(_TABLES, [other, night]),
        "vanished_tables": store.rows(_GONE, [other, night]) if other else [],
        "trend": store.rows(_NIGHTS, [night, _TREND])[::-1],
        "dbt": dbt,
        "audits": store.rows(_AUDITS, [runs]),
        "findings": findings,
        "freshness": store.rows(_FRESHNESS),
        "notifications": store.rows(_TOLD, [night]),
        "steps_trend": store.rows(_STEPS_TREND, [night, _TREND]),
        "sizes_trend": store.rows(_SIZES_TREND, [night, _TREND]),
    }
    return {**data, "since": since.read(store, data, ZoneInfo(zone))}


def _night_before(store: Store, night: int) -> int | None:
    row = store.one(
        "SELECT max(night_id) AS night_id FROM entrepot_ops.nights WHERE night_id < %s"
        " AND scope = '' AND status IN ('succeeded', 'differs')",
        [night],
    )
    return row["night_id"] if row else None


def _runs(attempts: list[Row]) -> list[int]:
    return sorted({run for attempt in attempts for run in attempt["run_ids"]})


def _dbt(results: list[Row]) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for result in results:
        counts[result["status"]] = counts.get(result["status"], 0) + 1
    return {
        "counts": counts,
        "failed": [r for r in results if r["status"] in ("fail", "error")],
        "warned": [r for r in results if r["status"] == "warn"],
        "slowest": sorted(results, key=lambda r: -r["seconds"])[:10],
    }
