"""What has changed since the night before, what readers see now, and what comes tonight."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from entrepot_ops.quality import anomalies, durations, reading
from entrepot_ops.quality.history import Night, one_a_day
from entrepot_ops.quality.robust import slope
from entrepot_ops.record.store import Row, Store

_MOST = 10  # tables
_SHARE = 0.01  # of a table's rows, for a change worth a line
_FORECAST = 5  # nights, before a disk's end is foretold
_FARTHEST = 730  # days of a forecast
_COLUMNS = """
SELECT table_schema, table_name, column_name, change, type_before, type_after,
    looks_personal, models
FROM entrepot_ops.schema_changes WHERE night_id = %s ORDER BY 1, 2, 3
"""
_CARDS = """
SELECT f.*, (SELECT min(n.started_at) FROM entrepot_ops.nights AS n WHERE n.night_id > coalesce((
    SELECT max(r.night_id) FROM entrepot_ops.dbt_results AS r
    WHERE r.node = f.node AND r.night_id < f.night_id AND r.status IN ('pass', 'success')
), 0) AND EXISTS (SELECT FROM entrepot_ops.dbt_results AS r
    WHERE (r.night_id, r.node) = (n.night_id, f.node))) AS failing_since,
ARRAY(SELECT DISTINCT ON (r.night_id) r.status FROM entrepot_ops.dbt_results AS r
    WHERE r.node = f.node AND r.night_id <= f.night_id
    ORDER BY r.night_id DESC, r.attempt DESC LIMIT 14) AS history
FROM entrepot_ops.test_failures AS f WHERE f.night_id = %s
"""
_DISKS = """
SELECT d.place, n.started_at, d.used_bytes, d.free_bytes
FROM entrepot_ops.disk_space AS d JOIN entrepot_ops.nights AS n USING (night_id)
WHERE d.night_id <= %s AND d.night_id > %s - 60 ORDER BY n.started_at
"""
# A run outside nights publishes too: then no night is named.
_READERS = """
SELECT DISTINCT ON (schema_name) schema_name, p.run_id, p.published_at, s.night_id
FROM entrepot_ops.publications AS p CROSS JOIN LATERAL unnest(p.schemas) AS u (schema_name)
LEFT JOIN entrepot_ops.night_steps AS s ON p.run_id = ANY (s.run_ids)
WHERE schema_name NOT LIKE '%%\\_next' ORDER BY schema_name, p.published_at DESC, s.night_id DESC
"""
_DURATIONS = """
SELECT sum(s.seconds)::float8 AS seconds FROM entrepot_ops.nights AS n
JOIN entrepot_ops.night_steps AS s USING (night_id)
WHERE n.scope = '' AND n.status IN ('succeeded', 'differs') AND n.night_id <= %s
GROUP BY n.night_id ORDER BY n.night_id DESC LIMIT 14
"""


def read(store: Store, data: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """Compare a night with those before it.

    Args:
        store: The record.
        data: What is known of the night already.
        zone: Whose days and weekdays are meant.

    Returns:
        What templates and JSON show of it.
    """
    night = data["night"]["night_id"]
    days = one_a_day(reading.nights(store, night, zone))
    is_judged = bool(days) and days[-1].night_id == night
    return {
        "anomalies": [a.as_dict() for a in anomalies.find(days)] if is_judged else [],
        "slower": _slower(days) if is_judged else [],
        "tables": _changed(data["tables"]),
        "new_tables": _new(data),
        "gone_tables": [_named(table) for table in data["vanished_tables"]],
        "columns": store.rows(_COLUMNS, [night]),
        "disks": _disks(store.rows(_DISKS, [night, night])),
        "readers": store.rows(_READERS),
        "usual_seconds": _usual_seconds(store, night),
        "tests": {row["node"]: row for row in store.rows(_CARDS, [night])},
    }


def is_new(said: Sequence[Row], before: Sequence[Row], *names: str) -> list[Row]:
    """Mark what was not said the night before; numbers in it may differ.

    Args:
        said: Findings or warnings.
        before: The same, of the night before.
        *names: The columns that tell them apart.

    Returns:
        The rows, each with `is_new`, the new ones first.
    """

    def key(row: Row) -> tuple[str, ...]:
        return tuple(re.sub(r"\d[\d,.]*", "0", str(row[name])) for name in names)

    known = {key(row) for row in before}
    marked = [{**row, "is_new": key(row) not in known} for row in said]
    return sorted(marked, key=lambda row: not row["is_new"])


def expected_end(due: datetime | None, seconds: float | None) -> datetime | None:
    """Say when tonight should be over.

    Args:
        due: When it begins; None when it does not by itself.
        seconds: How long nights usually work; None where that is not known.

    Returns:
        The time; None where it cannot be said.
    """
    if due is None or seconds is None:
        return None
    return due + timedelta(seconds=seconds)


def _slower(days: Sequence[Night]) -> list[dict[str, Any]]:
    found = [
        *(("step", slow) for slow in durations.slow_steps(days)),
        *(("model", slow) for slow in durations.slow_models(days)),
    ]
    return [
        {"kind": kind, "name": s.name, "seconds": s.seconds, "usual": s.usual}
        for kind, s in found
    ]


def _changed(tables: Sequence[Row]) -> list[dict[str, Any]]:
    """List the tables that grew or shrank most, beside what they held."""
    found = []
    for table in tables:
        growth, rows = table["row_growth"], table["row_estimate"]
        if not growth:
            continue
        share = growth / max(rows - growth, 1)
        if abs(share) >= _SHARE:
            found.append(
                {"table": _named(table), "rows": rows, "growth": growth, "share": share}
            )
    return sorted(found, key=lambda one: -abs(one["share"]))[:_MOST]


def _new(data: dict[str, Any]) -> list[str]:
    if not data["compared_with"]:
        return []  # all are new in a first night
    return [_named(table) for table in data["tables"] if table["is_new"]]


def _named(table: Row) -> str:
    return f"{table['table_schema']}.{table['table_name']}"


def _disks(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Say for each place how full it is, how fast it fills, and when it is full at that rate."""
    found = []
    for place in dict.fromkeys(row["place"] for row in rows):
        own = [row for row in rows if row["place"] == place]
        last = own[-1]
        points = [
            (row["started_at"].timestamp() / 86400, float(row["used_bytes"]))
            for row in own
        ]
        rate = slope(points) if len(own) >= _FORECAST else None
        found.append(
            {
                "place": place,
                "used_bytes": last["used_bytes"],
                "free_bytes": last["free_bytes"],
                "bytes_a_day": rate,
                "full_on": _full_on(last, rate),
            }
        )
    return found


def _full_on(last: Row, rate: float | None) -> date | None:
    if last["free_bytes"] is None or rate is None or rate <= 0:
        return None
    days = last["free_bytes"] / rate
    if days > _FARTHEST:
        return None
    moment: datetime = last["started_at"] + timedelta(days=days)
    return moment.date()


def _usual_seconds(store: Store, night: int) -> float | None:
    seconds = [row["seconds"] for row in store.rows(_DURATIONS, [night])]
    return median(seconds) if seconds else None
