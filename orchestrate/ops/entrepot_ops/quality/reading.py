"""Reads from the record what the rules judge."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from zoneinfo import ZoneInfo

from entrepot_ops.quality.history import FULL_LENGTH, Night, Size, StepRun
from entrepot_ops.record.store import Row, Store

_RECORDED = FULL_LENGTH + 30  # nights, some of which are of the same day
_NIGHTS = """
SELECT night_id, started_at FROM entrepot_ops.nights
WHERE night_id <= %s AND scope = '' AND status NOT IN ('imported', 'running')
ORDER BY night_id DESC LIMIT %s
"""
_SIZES = """
SELECT night_id, table_schema || '.' || table_name AS name, row_estimate, byte_count
FROM entrepot_ops.table_sizes WHERE night_id = ANY (%s)
"""
_STEPS = """
SELECT DISTINCT ON (night_id, step) night_id, step, status, seconds, row_count
FROM entrepot_ops.night_steps WHERE night_id = ANY (%s) ORDER BY night_id, step, attempt DESC
"""
_MODELS = """
SELECT night_id, node, max(seconds) AS seconds FROM entrepot_ops.dbt_results
WHERE night_id = ANY (%s) AND status = 'success' GROUP BY night_id, node
"""


def nights(store: Store, night_id: int, zone: ZoneInfo) -> list[Night]:
    """Read a night and those before it.

    Args:
        store: The record.
        night_id: The last that is wanted.
        zone: Whose days are told apart.

    Returns:
        Whole nights in their order, as far back as the rules look.
    """
    rows = store.rows(_NIGHTS, [night_id, _RECORDED])[::-1]
    ids = [row["night_id"] for row in rows]
    tables: dict[int, dict[str, Size]] = defaultdict(dict)
    for row in store.rows(_SIZES, [ids]):
        tables[row["night_id"]][row["name"]] = Size(
            row["row_estimate"], row["byte_count"]
        )
    steps: dict[int, dict[str, StepRun]] = defaultdict(dict)
    for row in store.rows(_STEPS, [ids]):
        steps[row["night_id"]][row["step"]] = _step(row)
    models: dict[int, dict[str, float]] = defaultdict(dict)
    for row in store.rows(_MODELS, [ids]):
        models[row["night_id"]][row["node"].split(".")[-1]] = row["seconds"]
    return [
        Night(
            number := row["night_id"],
            row["started_at"].astimezone(zone).date(),
            tables[number],
            steps[number],
            models[number],
        )
        for row in rows
    ]


def _step(row: Row) -> StepRun:
    rows: Any = row["row_count"]
    return StepRun(row["status"], row["seconds"], None if rows is None else int(rows))
