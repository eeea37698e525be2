"""What is usual for each step, and which night its tables are of: from the record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from entrepot_ops.record.store import Store

# The median of the last attempts that did their work; a night of another month says little.
_USUAL = """
WITH done AS (
    SELECT s.step, s.night_id, s.ended_at, s.seconds, s.row_count, row_number() OVER (
        PARTITION BY s.step ORDER BY s.night_id DESC, s.attempt DESC
    ) AS place
    FROM entrepot_ops.night_steps AS s JOIN entrepot_ops.nights AS n USING (night_id)
    WHERE s.status IN ('succeeded', 'differs', 'partial') AND n.status <> 'imported'
)
SELECT step, max(night_id) AS night_id, max(ended_at) AS brought_at,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)::float8 AS seconds,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY row_count)::float8 AS rows
FROM done WHERE place <= %s GROUP BY step
"""
_NIGHTS = 14


@dataclass(frozen=True)
class Usual:
    """What is usual for a step.

    Attributes:
        seconds: For how long it runs, the median of the last nights; None for unknown.
        rows: How many it brings, the same; None where it brings none.
        night_id: The last night in which it did its work.
        brought_at: When that was.
    """

    seconds: float | None
    rows: int | None
    night_id: int
    brought_at: datetime | None


def read(store: Store) -> dict[str, Usual]:
    """Read what is usual.

    Args:
        store: The record; made.

    Returns:
        By step; a step that has never done its work is not in it.
    """
    return {
        row["step"]: Usual(
            row["seconds"],
            None if row["rows"] is None else round(row["rows"]),
            row["night_id"],
            row["brought_at"],
        )
        for row in store.rows(_USUAL, [_NIGHTS])
    }
