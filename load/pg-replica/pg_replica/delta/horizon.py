"""The horizon: what a night was taken under, by which the next one knows what has changed since.

It counts only if the night that it belongs to is the live one. After a whole copy it is written
once the night is published. A delta night writes it before its COMMIT, with the number of the
transaction that applies: the server then tells whether that transaction was committed, even when
the answer to the COMMIT was lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from psycopg.types.json import Json

from entrepot_core.postgres import queries
from entrepot_core.warehouse import migrate

_MOMENT = queries.read("pg_replica", "source_moment")
# pg_current_wal_insert_lsn() stands behind the header of a page that nothing was flushed of yet.
_PAGE, _LONGEST_HEADER = 8192, 40
_LIVE_RUN = (
    "SELECT max(p.run_id) FROM entrepot_ops.publications AS p"
    " JOIN entrepot_ops.runs AS r USING (run_id)"
    " WHERE r.command = 'run' AND p.schemas[1] = %s"
)
_READ = (
    "SELECT run_id, transaction_id, source, definitions, settings, tables, replica,"
    " warehouse_snapshot FROM entrepot_ops.horizons WHERE run_id = %s"
)
_WRITE = (
    "INSERT INTO entrepot_ops.horizons (run_id, replica_schema, transaction_id, source,"
    " definitions, settings, tables, replica, warehouse_snapshot)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
# Older ones can be of no use any more; those of other replicas are theirs.
_FORGET = (
    "DELETE FROM entrepot_ops.horizons WHERE replica_schema = %s AND run_id <> ALL (%s)"
)

_PENDING = (
    "SELECT run_id, transaction_id FROM entrepot_ops.horizons AS h"
    " WHERE replica_schema = %s AND transaction_id IS NOT NULL AND NOT EXISTS ("
    " SELECT FROM entrepot_ops.publications AS p WHERE p.run_id = h.run_id) ORDER BY run_id"
)
# The live schemas stay the same ones.
_PUBLISH = (
    "INSERT INTO entrepot_ops.publications (run_id, schemas)"
    " SELECT %(run)s, p.schemas FROM entrepot_ops.publications AS p"
    " JOIN entrepot_ops.runs AS r USING (run_id)"
    " WHERE r.command = 'run' AND p.schemas[1] = %(replica)s ORDER BY run_id DESC LIMIT 1"
)


@dataclass(frozen=True)
class Moment:
    """Who the source is, and how far it was when the snapshot was taken.

    Attributes:
        is_standby: Whether it is in recovery.
        started_at: When its server was started.
        system: The cluster's identifier; None where this role may not ask.
        database: The database's OID.
        timeline: In hexadecimal; `standby` on one.
        wal_position: Bytes of WAL before what the snapshot can have seen.
        oldest: What a snapshot does not see has at least this transaction's number: 64 bits.
        following: The first number that the snapshot knows nothing of.
    """

    is_standby: bool
    started_at: str
    system: str | None
    database: str
    timeline: str
    wal_position: int
    oldest: int
    following: int

    @property
    def must_be_flushed(self) -> int:
        """The position in the WAL up to which it must be on disk."""
        into_page = self.wal_position % _PAGE
        return self.wal_position - (into_page if into_page <= _LONGEST_HEADER else 0)


def moment(session: psycopg.Connection) -> Moment:
    """Ask who the source is and how far.

    Args:
        session: A session on the source, in the transaction that holds the snapshot.

    Returns:
        It.
    """
    row = session.execute(_MOMENT).fetchone()
    assert row is not None
    standby, started, system, database, timeline, position, oldest, following = row
    return Moment(
        standby,
        started,
        system,
        database,
        timeline,
        int(position),
        int(oldest),
        int(following),
    )


@dataclass(frozen=True)
class Horizon:
    """What a night was taken under.

    Attributes:
        source: Who the source was, and how far.
        definitions: A digest of each object of the source.
        settings: A digest of each variable and rule on which rows depend.
        files: The file of each of the source's tables.
        replica: A digest of each object of the replica.
        snapshot: What was committed in the warehouse before the night was published.
        transaction: The transaction that applied it; None after a whole copy.
    """

    source: Moment
    definitions: Mapping[str, str]
    settings: Mapping[str, str]
    files: Mapping[str, int]
    replica: Mapping[str, str]
    snapshot: str
    transaction: str | None = None


def read(session: psycopg.Connection, replica: str) -> Horizon | None:
    """Read the horizon of the live night.

    Args:
        session: A session of the warehouse's owner.
        replica: `REPLICA_SCHEMA`.

    Returns:
        The horizon; None where the live night has none.
    """
    if not migrate.upgrade_if_made(session):
        return None
    live = session.execute(_LIVE_RUN, [replica]).fetchone()
    row = session.execute(_READ, [live[0] if live else None]).fetchone()
    if row is None:
        return None
    _, transaction, source, definitions, settings, files, live_objects, snapshot = row
    return Horizon(
        Moment(**source),
        definitions,
        settings,
        files,
        live_objects,
        snapshot,
        transaction,
    )


def write(
    session: psycopg.Connection, replica: str, run_id: int, horizon: Horizon
) -> None:
    """Write a night's horizon.

    Args:
        session: A session of the warehouse's owner, in autocommit.
        replica: `REPLICA_SCHEMA`.
        run_id: The run.
        horizon: Its horizon.
    """
    with session.transaction():
        session.execute("SET LOCAL synchronous_commit = on")
        live = session.execute(_LIVE_RUN, [replica]).fetchone()
        session.execute(_FORGET, [replica, [live[0] if live else None]])
        session.execute("DELETE FROM entrepot_ops.horizons WHERE run_id = %s", [run_id])
        session.execute(
            _WRITE,
            [
                run_id,
                replica,
                horizon.transaction,
                Json(vars(horizon.source)),
                Json(dict(horizon.definitions)),
                Json(dict(horizon.settings)),
                Json(dict(horizon.files)),
                Json(dict(horizon.replica)),
                horizon.snapshot,
            ],
        )


def settle(session: psycopg.Connection, replica: str) -> list[int]:
    """Find out what became of a night whose process died about its COMMIT.

    Args:
        session: A session of the warehouse's owner, in autocommit; no other run is alive.
        replica: `REPLICA_SCHEMA`.

    Returns:
        The runs whose changes turned out to be live.
    """
    live = []
    for run_id, transaction in session.execute(_PENDING, [replica]).fetchall():
        if is_committed(session, transaction):
            confirm(session, replica, run_id)
            live.append(run_id)
        else:
            with session.transaction():
                for table in ("horizons", "table_changes"):
                    session.execute(
                        f"DELETE FROM entrepot_ops.{table} WHERE run_id = %s", [run_id]
                    )
    return live


def is_committed(session: psycopg.Connection, transaction: str) -> bool:
    """Ask the server whether a transaction was committed.

    Args:
        session: A session of the warehouse's owner, in autocommit.
        transaction: Its number.

    Returns:
        Whether it was; no if the server does not know.
    """
    try:
        row = session.execute(
            "SELECT pg_catalog.pg_xact_status(%s::pg_catalog.xid8)", [transaction]
        ).fetchone()
    except psycopg.errors.InvalidParameterValue:  # a number that is yet to come
        return False
    return row == ("committed",)


def confirm(session: psycopg.Connection, replica: str, run_id: int) -> None:
    """Note that a delta night is live.

    Args:
        session: A session of the warehouse's owner, in autocommit.
        replica: `REPLICA_SCHEMA`.
        run_id: The night.
    """
    with session.transaction():
        session.execute("SET LOCAL synchronous_commit = on")
        session.execute(_PUBLISH, {"run": run_id, "replica": replica})
        session.execute(
            "UPDATE entrepot_ops.runs SET replication = 'delta' WHERE run_id = %s",
            [run_id],
        )


def warehouse_snapshot(session: psycopg.Connection) -> str:
    """Give what is committed in the warehouse: whatever writes later is not in it.

    Args:
        session: A session on the warehouse.

    Returns:
        A snapshot's text.
    """
    row = session.execute("SELECT pg_catalog.pg_current_snapshot()::text").fetchone()
    assert row is not None
    return str(row[0])
