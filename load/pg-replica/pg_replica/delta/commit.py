"""The COMMIT of a delta night: what is noted before it, how its outcome is learnt, what follows."""

from __future__ import annotations

import psycopg

from entrepot_core.base.errors import TransientFailure
from entrepot_core.base.logs import event
from entrepot_core.postgres.connection import one_line
from pg_replica.delta import horizon
from pg_replica.delta.examination import Finding
from pg_replica.delta.horizon import Horizon
from pg_replica.delta.place import Place

_RECONNECT = (
    120.0  # seconds to learn whether a COMMIT whose answer was lost took effect
)
_CHANGES = (
    "INSERT INTO entrepot_ops.table_changes (run_id, table_name, way, reason, inserted_rows,"
    " updated_rows, deleted_rows, row_count) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
)


def note(place: Place, now: Horizon, findings: list[Finding]) -> None:
    """Write what the night leaves, which counts once its transaction is committed.

    Args:
        place: Where it works.
        now: Its horizon.
        findings: What it does to each table.
    """
    main, run_id = place.main, place.record.run_id
    rows = [
        (
            run_id,
            str(each.table.name),
            each.way,
            each.doubt or each.table.plan.reason,
            each.counts.inserted,
            each.counts.updated,
            each.counts.deleted,
            each.counts.after,
        )
        for each in findings
    ]
    with main.transaction():
        main.execute(
            "DELETE FROM entrepot_ops.table_changes WHERE run_id = %s", [run_id]
        )
        main.cursor().executemany(_CHANGES, rows)
    horizon.write(main, place.settings.replica_schema, run_id, now)


def commit(place: Place, session: psycopg.Connection, transaction: str) -> None:
    """Commit the changes, and learn whether they are.

    Args:
        place: Where the night works.
        session: The session that has applied them.
        transaction: Its transaction's number.

    Raises:
        TransientFailure: If they are not.
    """
    replica, run_id = place.settings.replica_schema, place.record.run_id
    try:
        session.execute("COMMIT")
    except psycopg.OperationalError as error:
        place.warehouse.wait_until_ready(_RECONNECT)
        with place.warehouse.connect(purpose="commit") as other:
            if not horizon.is_committed(other, transaction):
                raise TransientFailure(
                    f"the changes were not committed: {one_line(error)}"
                ) from None
            event("the connection was lost at the COMMIT, which had been done")
            horizon.confirm(other, replica, run_id)
    else:
        horizon.confirm(place.main, replica, run_id)
    event("published", run=run_id, schema=replica)


def vacuum(session: psycopg.Connection, findings: list[Finding]) -> None:
    """Give the room of old rows back to new ones, and tell the planner of what is there.

    Args:
        session: A session of the replica's role, in autocommit.
        findings: What was done to each table.
    """
    for finding in findings:
        if finding.counts.is_nothing:
            continue
        try:
            session.execute(
                f"VACUUM (ANALYZE, SKIP_LOCKED, TRUNCATE false) {finding.table.live.sql}"
            )
        except psycopg.Error as error:
            event(f"table {finding.table.name} was not vacuumed: {one_line(error)}")
            return
