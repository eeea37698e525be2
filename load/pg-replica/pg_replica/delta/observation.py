"""What a night finds before it reads any row: the horizon that it would leave."""

from __future__ import annotations

import time

import psycopg

from entrepot_core.base.errors import TransientFailure
from entrepot_core.postgres.connection import Database
from entrepot_core.warehouse.schemas import Naming
from pg_replica.delta import fingerprint, horizon
from pg_replica.delta.decision import Plan, decide, keys
from pg_replica.delta.horizon import Horizon, Moment
from pg_replica.dump.items import schemas_of
from pg_replica.settings import Settings
from pg_replica.source.origins import LiveOrigin

# A server flushes what it has committed asynchronously three times within `wal_writer_delay`.
_FLUSH_SECONDS = 20.0
_PAUSE = 0.1
_FLUSHED = """
SELECT pg_catalog.pg_postmaster_start_time()::text,
    CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
        ELSE pg_catalog.pg_current_wal_flush_lsn() END - '0/0'::pg_catalog.pg_lsn
"""


def observe(
    settings: Settings, origin: LiveOrigin, main: psycopg.Connection, naming: Naming
) -> Horizon:
    """Say what a night finds.

    Args:
        settings: The variables.
        origin: The source, held still.
        main: A session of the warehouse's owner.
        naming: The schemas' names.

    Returns:
        The horizon that it would leave if it changed rows alone.
    """
    session = origin.snapshot.session
    return Horizon(
        horizon.moment(session),
        fingerprint.of_source(origin.items, session),
        fingerprint.of_settings(settings, origin.policy, main),
        fingerprint.of_files(origin.snapshot.tables),
        fingerprint.of_replica(main, naming, schemas_of(origin.items)),
        horizon.warehouse_snapshot(main),
    )


def plan(
    found: Horizon, origin: LiveOrigin, main: psycopg.Connection, naming: Naming
) -> Plan:
    """Decide which way a night goes.

    Args:
        found: As `observe` gives it.
        origin: The source, held still.
        main: A session of the warehouse's owner.
        naming: The schemas' names.

    Returns:
        The plan.
    """
    last = horizon.read(main, naming.replica)
    found_keys = keys(origin.snapshot.session)
    return decide(last, found, origin.snapshot.tables, found_keys, origin.policy)


def is_on_disk(source: Database, seen: Moment) -> bool:
    """Say whether a crash of the source could no longer take back what a snapshot saw.

    With `synchronous_commit = off` a transaction is seen before it is on disk. After a crash its
    number would be another transaction's.

    Args:
        source: The source.
        seen: When the snapshot was taken.

    Returns:
        Whether all of it is on disk, after a while at most.
    """
    until = time.monotonic() + _FLUSH_SECONDS
    try:
        with source.connect(purpose="horizon") as session:
            while time.monotonic() < until:
                row = session.execute(_FLUSHED).fetchone()
                assert row is not None
                if row[0] != seen.started_at:
                    return False
                if row[1] >= seen.must_be_flushed:
                    return True
                if not seen.is_standby:
                    # The end of a transaction wakes the process that flushes, which may sleep for
                    # long after nothing but reads; it changes nothing.
                    session.execute("SELECT pg_catalog.txid_current()")
                time.sleep(_PAUSE)
    except (TransientFailure, psycopg.Error):
        return False
    return False
