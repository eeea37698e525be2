"""How a night ended, in the words that notifications and the report use."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from entrepot_ops.record.store import Row, Store

Kind = Literal["success", "failure", "recovery"]
_GOOD = ("succeeded",)
# A night that was continued in the morning has not worked in between.
WORKED = """
coalesce(
    (SELECT sum(extract(epoch FROM coalesce(w.ended_at, now()) - w.started_at))
        FROM entrepot_ops.night_starts AS w WHERE w.night_id = n.night_id),
    extract(epoch FROM n.ended_at - n.started_at)
)::float8
"""
_STEPS = """
SELECT DISTINCT ON (place, step) step, task, status, seconds, exit_status, row_count, byte_count,
    message, count(*) FILTER (WHERE status <> 'skipped') OVER (PARTITION BY step) AS attempts
FROM entrepot_ops.night_steps WHERE night_id = %s ORDER BY place, step, attempt DESC
"""


@dataclass
class Outcome:
    """How a night ended; what a webhook receives.

    Attributes:
        outcome: `success`, `failure`, or `recovery`: a success after a failure.
        status: As the table `nights` has it.
        message: One sentence.
        night_id: The night's number; None when it could not be recorded.
        scope: What was asked for; empty for a whole night.
        host: Where it ran.
        started_at: When, ISO 8601.
        ended_at: When, ISO 8601.
        seconds: For how long it worked.
        row_count: Rows brought.
        byte_count: Bytes brought.
        failed_steps: Names.
        skipped_steps: Names.
        steps: Each step's last attempt.
        owners: Whose models and tests failed, by the dbt project.
        report_url: Where the report can be read; None where REPORT_URL does not say.
    """

    outcome: Kind
    status: str
    message: str
    night_id: int | None = None
    scope: str = ""
    host: str = ""
    started_at: str | None = None
    ended_at: str | None = None
    seconds: float | None = None
    row_count: int | None = None
    byte_count: int | None = None
    failed_steps: list[str] = field(default_factory=list)
    skipped_steps: list[str] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    report_url: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Give it for JSON."""
        return {"event": "night", **asdict(self)}


def read(store: Store, night_id: int | None = None) -> Outcome | None:
    """Read a night's outcome from the record.

    Args:
        store: The record.
        night_id: Which; the newest when None.

    Returns:
        The outcome; None when there is no such night.
    """
    if not store.upgrade_if_made():
        return None
    night = store.one(
        f"SELECT n.*, {WORKED} AS seconds"
        " FROM entrepot_ops.nights AS n WHERE night_id = coalesce(%s, (SELECT max(night_id)"
        " FROM entrepot_ops.nights WHERE status <> 'imported'))",
        [night_id],
    )
    if night is None:
        return None
    steps = [_plain(row) for row in store.rows(_STEPS, [night["night_id"]])]
    good = night["status"] in _GOOD
    return Outcome(
        outcome=_kind(store, night) if good else "failure",
        status=night["status"],
        message=night["message"] or _state(night, steps),
        night_id=night["night_id"],
        scope=night["scope"],
        host=night["host"],
        started_at=night["started_at"].isoformat(),
        ended_at=night["ended_at"].isoformat() if night["ended_at"] else None,
        seconds=night["seconds"],
        row_count=sum(step["row_count"] or 0 for step in steps),
        byte_count=sum(step["byte_count"] or 0 for step in steps),
        failed_steps=[
            s["step"] for s in steps if s["status"] in ("failed", "cancelled")
        ],
        skipped_steps=[s["step"] for s in steps if s["status"] == "skipped"],
        steps=steps,
    )


def read_runs(store: Store) -> Outcome | None:
    """Read the outcome of a night that `meltano run nightly` ran, which records no night.

    Args:
        store: The record.

    Returns:
        The outcome; None when a recorded night is newer than every run, or there is none.
    """
    if not store.upgrade_if_made():
        return None
    newest = store.one(
        "SELECT run_id, status, host, started_at, ended_at, message,"
        " extract(epoch FROM coalesce(ended_at, now()) - started_at)::float8 AS seconds"
        " FROM entrepot_ops.runs WHERE command = 'run' ORDER BY run_id DESC LIMIT 1"
    )
    if newest is None:
        return None
    if store.one(
        "SELECT FROM entrepot_ops.nights WHERE coalesce(ended_at, now()) >= %s"
        " AND status <> 'imported'",
        [newest["started_at"]],
    ):
        return None
    good = newest["status"] == "succeeded"
    return Outcome(
        outcome="success" if good else "failure",
        status=newest["status"],
        message=newest["message"] or f"run {newest['run_id']} {newest['status']}",
        host=newest["host"],
        started_at=newest["started_at"].isoformat(),
        ended_at=newest["ended_at"].isoformat() if newest["ended_at"] else None,
        seconds=newest["seconds"],
    )


def _state(night: Row, steps: list[dict[str, Any]]) -> str:
    """Say how far a night is, or that all went well, and what did so only after a while."""
    if night["status"] == "running":
        return f"it is in step {night['step'] or 'start'}"
    again = [
        f"{s['step']} at attempt {s['attempts']}" for s in steps if s["attempts"] > 1
    ]
    return ", ".join(["every step succeeded", *again])


def _kind(store: Store, night: Row) -> Kind:
    """A success after a night that did not succeed, or after an earlier start that did not."""
    before = store.one(
        "SELECT status FROM entrepot_ops.nights WHERE night_id < %s AND status <> 'imported'"
        " ORDER BY night_id DESC LIMIT 1",
        [night["night_id"]],
    )
    starts = store.one(
        "SELECT count(*) FILTER (WHERE status NOT IN ('succeeded', 'running')) AS bad"
        " FROM entrepot_ops.night_starts WHERE night_id = %s",
        [night["night_id"]],
    )
    was_bad = before is not None and before["status"] not in _GOOD
    return "recovery" if was_bad or (starts and starts["bad"]) else "success"


def _plain(row: Row) -> dict[str, Any]:
    return {
        name: int(value) if name.endswith("_count") and value is not None else value
        for name, value in row.items()
    }
