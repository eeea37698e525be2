"""The record of one night in `entrepot_ops`: its starts, its steps, what dbt said."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from entrepot_core.base.redaction import redact
from entrepot_ops.meltano import values
from entrepot_ops.meltano.dbt_results import Result
from entrepot_ops.meltano.plan import Step
from entrepot_ops.record import usual
from entrepot_ops.record.store import Row, Store
from entrepot_ops.record.usual import Usual

_LONGEST_MESSAGE = 2000
_SIZES = """
INSERT INTO entrepot_ops.table_sizes (night_id, table_schema, table_name, row_estimate, byte_count)
SELECT %s, n.nspname, c.relname, nullif(c.reltuples, -1)::bigint, pg_total_relation_size(c.oid)
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname NOT LIKE '%%\\_previous%%'
AND n.nspname NOT IN ('information_schema', 'entrepot_ops')
AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
ON CONFLICT (night_id, table_schema, table_name) DO UPDATE
SET row_estimate = excluded.row_estimate, byte_count = excluded.byte_count
"""
_END_STEP = """
UPDATE entrepot_ops.night_steps AS s SET status = %(status)s, ended_at = now(),
    seconds = extract(epoch FROM now() - s.started_at), exit_status = %(exit)s,
    message = %(message)s, run_ids = coalesce(r.run_ids, '{}'),
    row_count = CASE WHEN num_nulls(%(rows)s::bigint, r.row_count) < 2
        THEN coalesce(%(rows)s::bigint, 0) + coalesce(r.row_count, 0) END,
    byte_count = r.byte_count
FROM entrepot_ops.night_steps AS own LEFT JOIN LATERAL (
    SELECT array_agg(run_id) AS run_ids, sum(rows) AS row_count, sum(bytes) AS byte_count
    FROM (SELECT q.run_id,
        (SELECT sum(i.row_count) FROM entrepot_ops.items AS i WHERE i.run_id = q.run_id) AS rows,
        (SELECT sum(i.byte_count) FROM entrepot_ops.items AS i WHERE i.run_id = q.run_id) AS bytes
        FROM entrepot_ops.runs AS q WHERE q.started_at >= own.started_at
        AND q.host = %(host)s) AS mine) AS r ON true
WHERE (own.night_id, own.step, own.attempt) = (%(night)s, %(step)s, %(attempt)s)
AND (s.night_id, s.step, s.attempt) = (own.night_id, own.step, own.attempt)
RETURNING s.row_count::bigint, s.byte_count::bigint
"""


@dataclass(frozen=True)
class LastNight:
    """The newest night of the record.

    Attributes:
        night_id: Its number.
        scope: What was asked for; empty for a whole night.
        status: As the table `nights` has it.
        seconds_ago: How long ago, by the warehouse's clock.
    """

    night_id: int
    scope: str
    status: str
    seconds_ago: float


class NightRecord:
    """Writes one night's record; whoever does holds the night's lock."""

    def __init__(self, store: Store) -> None:
        """Bring the tables up to date, and close the nights whose process died.

        Args:
            store: Where to write.
        """
        self._store = store
        self.night_id = 0
        self._started_at: datetime | None = None
        store.make_tables()
        # When they died nobody knows; the last that they wrote is the best guess.
        self.interrupted = store.rows(
            "UPDATE entrepot_ops.nights AS n SET status = 'interrupted',"
            " message = 'interrupted in step ' || step, ended_at = coalesce((SELECT"
            " max(coalesce(s.ended_at, s.started_at)) FROM entrepot_ops.night_steps AS s"
            " WHERE s.night_id = n.night_id), n.started_at) WHERE status = 'running'"
            " RETURNING night_id, step, host, pid"
        )
        if self.interrupted:
            store.rows(
                "UPDATE entrepot_ops.night_starts AS w SET status = 'interrupted',"
                " ended_at = greatest(w.started_at, n.ended_at) FROM entrepot_ops.nights AS n"
                " WHERE w.night_id = n.night_id AND w.status = 'running'"
            )
        store.rows(
            "UPDATE entrepot_ops.night_steps SET status = 'interrupted'"
            " WHERE status = 'running'"
        )

    @property
    def store(self) -> Store:
        """Where it is written."""
        return self._store

    def last_night(self) -> LastNight | None:
        """Find the newest night that ran here."""
        row = self._store.one(
            "SELECT night_id, scope, status,"
            " extract(epoch FROM now() - started_at)::float8 AS seconds_ago"
            " FROM entrepot_ops.nights WHERE status <> 'imported'"
            " ORDER BY night_id DESC LIMIT 1"
        )
        return LastNight(**row) if row else None

    def begin(self, scope: str) -> None:
        """Begin a night.

        Args:
            scope: What is asked for; empty for all.
        """
        row = self._store.one(
            "INSERT INTO entrepot_ops.nights (scope, host, pid) VALUES (%s, %s, %s)"
            " RETURNING night_id",
            [scope, socket.gethostname(), os.getpid()],
        )
        assert row is not None
        self.night_id = row["night_id"]
        self._note_start()

    def resume(self, night_id: int) -> dict[str, Row]:
        """Continue a night.

        Args:
            night_id: Which.

        Returns:
            Each step's last attempt, by the step's name.
        """
        self.night_id = night_id
        self._store.rows(
            "UPDATE entrepot_ops.nights SET status = 'running', ended_at = NULL, message = NULL,"
            " host = %s, pid = %s WHERE night_id = %s",
            [socket.gethostname(), os.getpid(), night_id],
        )
        self._note_start()
        rows = self._store.rows(
            "SELECT DISTINCT ON (step) step, attempt, status, input"
            " FROM entrepot_ops.night_steps WHERE night_id = %s ORDER BY step, attempt DESC",
            [night_id],
        )
        return {row["step"]: row for row in rows}

    def _note_start(self) -> None:
        row = self._store.one(
            "INSERT INTO entrepot_ops.night_starts (night_id, host, pid) VALUES (%s, %s, %s)"
            " RETURNING started_at",
            [self.night_id, socket.gethostname(), os.getpid()],
        )
        assert row is not None
        self._started_at = row["started_at"]

    def begin_step(self, step: Step, place: int, digest: str) -> int:
        """Begin an attempt at a step.

        Args:
            step: Which.
            place: Its place in the night, from 1.
            digest: Of what it depends on.

        Returns:
            The attempt's number, from 1.
        """
        return self._add_attempt(step, place, "running", digest, None)

    def skip_step(self, step: Step, place: int, reason: str) -> None:
        """Note that a step is left out.

        Args:
            step: Which.
            place: Its place in the night.
            reason: Why.
        """
        attempt = self._add_attempt(step, place, "skipped", "", reason)
        self._store.rows(
            "UPDATE entrepot_ops.night_steps SET ended_at = now(), seconds = 0"
            " WHERE night_id = %s AND step = %s AND attempt = %s",
            [self.night_id, step.name, attempt],
        )

    def _add_attempt(
        self, step: Step, place: int, status: str, digest: str, message: str | None
    ) -> int:
        row = self._store.one(
            "WITH now_in AS (UPDATE entrepot_ops.nights SET step = %(step)s"
            " WHERE night_id = %(night)s)"
            " INSERT INTO entrepot_ops.night_steps"
            " (night_id, step, attempt, place, task, status, input, message)"
            " SELECT %(night)s, %(step)s, coalesce(max(attempt), 0) + 1, %(place)s, %(task)s,"
            " %(status)s, %(digest)s, %(message)s FROM entrepot_ops.night_steps"
            " WHERE night_id = %(night)s AND step = %(step)s RETURNING attempt",
            {
                "night": self.night_id,
                "step": step.name,
                "place": place,
                "task": step.task,
                "status": status,
                "digest": digest,
                "message": message,
            },
        )
        assert row is not None
        return int(row["attempt"])

    def end_step(
        self,
        step: Step,
        attempt: int,
        status: str,
        exit_status: int | None = None,
        rows: int | None = None,
        message: str | None = None,
    ) -> Row | None:
        """End an attempt at a step.

        Args:
            step: Which.
            attempt: Its number.
            status: What became of it.
            exit_status: The command's; None when it has none.
            rows: Rows that its output counts; those of its runs are added by themselves.
            message: Why, when it did not succeed.

        Returns:
            `row_count` and `byte_count`, of its runs too; None where the attempt is not there.
        """
        return self._store.one(
            _END_STEP,
            {
                "status": status,
                "exit": exit_status,
                "message": _short(message),
                "rows": values.count(rows),
                "host": socket.gethostname(),
                "night": self.night_id,
                "step": step.name,
                "attempt": attempt,
            },
        )

    def dbt_results(self, attempt: int, results: Sequence[Result]) -> None:
        """Note what dbt said of its nodes.

        Args:
            attempt: The build's number in this night.
            results: One a node.
        """
        columns = [
            [r.node for r in results],
            [r.kind for r in results],
            [r.status for r in results],
            [r.seconds for r in results],
            [r.row_count for r in results],
            [r.failures for r in results],
            [redact(r.message) if r.message else None for r in results],
        ]
        self._store.rows(
            "INSERT INTO entrepot_ops.dbt_results SELECT %s, %s, * FROM unnest(%s::text[],"
            " %s::text[], %s::text[], %s::float8[], %s::bigint[], %s::bigint[], %s::text[])"
            " ON CONFLICT DO NOTHING",
            [self.night_id, attempt, *columns],
        )

    def usual(self) -> dict[str, Usual]:
        """Read what is usual for each step."""
        return usual.read(self._store)

    def table_sizes(self) -> None:
        """Note how big each table of the warehouse is."""
        self._store.rows(_SIZES, [self.night_id])

    def alerts(self, state: str) -> None:
        """Note whether everybody could be told how the night ended.

        Args:
            state: `told` or `not told`.
        """
        self._store.rows(
            "UPDATE entrepot_ops.nights SET alerts = %s WHERE night_id = %s",
            [state, self.night_id],
        )

    def close(self, status: str, message: str | None) -> None:
        """End the night.

        Args:
            status: What became of it.
            message: In one line, why, when it did not succeed.
        """
        self._store.rows(
            "UPDATE entrepot_ops.nights SET status = %s, message = %s, ended_at = now()"
            " WHERE night_id = %s",
            [status, _short(message), self.night_id],
        )
        self._store.rows(
            "UPDATE entrepot_ops.night_steps SET status = 'interrupted', ended_at = now(),"
            " message = 'its end could not be recorded'"
            " WHERE night_id = %s AND status = 'running'",
            [self.night_id],
        )
        self._store.rows(
            "UPDATE entrepot_ops.night_starts SET status = %s, ended_at = now()"
            " WHERE night_id = %s AND started_at = %s",
            [status, self.night_id, self._started_at],
        )


def _short(message: str | None) -> str | None:
    return redact(message)[:_LONGEST_MESSAGE] if message else None
