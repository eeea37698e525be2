"""What follows a replica from night to night: it decides the way, and leaves the next horizon."""

from __future__ import annotations

from dataclasses import replace

import psycopg

from entrepot_core.base.errors import Interrupted, ReplicaError, TransientFailure
from entrepot_core.base.logs import event
from entrepot_core.postgres.connection import Database, one_line
from entrepot_core.postgres.copy.libpq import CopyError
from entrepot_core.warehouse.runs import Record
from entrepot_core.warehouse.schemas import Naming
from pg_replica.delta import fingerprint, horizon
from pg_replica.delta.comparison import Doubt
from pg_replica.delta.decision import Plan
from pg_replica.delta.horizon import Horizon
from pg_replica.delta.night import DeltaNight
from pg_replica.delta.observation import is_on_disk, observe, plan
from pg_replica.delta.place import Place
from pg_replica.dump.items import schemas_of
from pg_replica.preflight.report import Report
from pg_replica.restore.progress import Display
from pg_replica.settings import Settings
from pg_replica.source.origins import LiveOrigin
from pg_replica.verify.shrink import TooMuchLost

_NOT_ON_DISK = (
    "what was read is not on the source's disk yet: the next night copies everything"
)


def follower(
    settings: Settings,
    source: Database | None,
    warehouse: Database,
    record: Record,
    *,
    full: bool,
) -> Follower | None:
    """Make the follower of a replica, if its nights are to bring changes alone.

    Args:
        settings: The variables.
        source: The source; None for a dump.
        warehouse: The warehouse.
        record: Where the run is recorded.
        full: Whether this one night copies everything.

    Returns:
        It; None where each night copies everything.
    """
    if source is None or settings.replication == "full":
        return None
    return Follower(settings, source, warehouse, record, full=full)


class Follower:
    """Decides which way a night goes.

    Args:
        settings: The variables.
        source: The source.
        warehouse: The warehouse.
        record: Where the run is recorded.
        full: Whether this one night copies everything.
    """

    def __init__(
        self,
        settings: Settings,
        source: Database,
        warehouse: Database,
        record: Record,
        *,
        full: bool,
    ) -> None:
        self._settings = settings
        self._source = source
        self._warehouse = warehouse
        self._record = record
        self._full = full
        self._naming = Naming(settings.replica_schema)
        self._found: Horizon | None = None
        self._schemas: list[str] = []
        self._has_read = False  # once it is read the source is let go

    def observe(self, origin: LiveOrigin, main: psycopg.Connection) -> Horizon:
        """Note what the night is taken under.

        Args:
            origin: The source, held still.
            main: A session of the warehouse's owner.

        Returns:
            It.
        """
        self._schemas = schemas_of(origin.items)
        self._found = observe(self._settings, origin, main, self._naming)
        return self._found

    def follow(
        self, origin: LiveOrigin, main: psycopg.Connection, display: Display
    ) -> bool:
        """Bring what has changed, if that is sure to be right.

        Args:
            origin: The source, held still.
            main: A session of the warehouse's owner, in autocommit.
            display: Where progress goes.

        Returns:
            Whether it is done; if not, everything is to be copied.

        Raises:
            Interrupted: If the run is to end.
            TransientFailure: If a server was lost.
            TooMuchLost: If too much would be lost.
        """
        if self._record.run_id in horizon.settle(main, self._naming.replica):
            return True  # committed by an attempt that did not learn of it
        found = self.observe(origin, main)
        made = self._plan(found, origin, main)
        last = horizon.read(main, self._naming.replica)
        if made.reasons or last is None:
            self._goes_full(made.reasons)
            return False
        place = Place(
            self._settings, self._source, self._warehouse, self._record, main, display
        )
        self._has_read = True
        try:
            DeltaNight(place, origin, last, found, made).run()
        except (TransientFailure, TooMuchLost, Interrupted):
            raise
        except (Doubt, ReplicaError, CopyError, psycopg.Error) as error:
            why = one_line(error, of_rows=True)
            self._goes_full([f"the changes could not be applied: {why}"])
            return False
        return True

    def held(
        self, origin: LiveOrigin, main: psycopg.Connection, report: Report
    ) -> LiveOrigin:
        """Hold the source for a whole copy: anew, if it was let go since.

        Args:
            origin: The source as it was held.
            main: A session of the warehouse's owner.
            report: What the checks found.

        Returns:
            The source, held still.
        """
        if not self._has_read:
            return origin
        origin.close(published=False)
        anew = LiveOrigin(self._settings, self._source, report)
        self.observe(anew, main)
        return anew

    def mark(self, main: psycopg.Connection) -> None:
        """Note that all rows of a whole copy are committed: later ones are somebody else's.

        Args:
            main: A session of the warehouse's owner.
        """
        assert self._found is not None
        snapshot = horizon.warehouse_snapshot(main)
        self._found = replace(self._found, snapshot=snapshot)

    def _plan(
        self, found: Horizon, origin: LiveOrigin, main: psycopg.Connection
    ) -> Plan:
        if self._full:
            return Plan(["--full was given"])
        if self._record.attempt > 1:
            return Plan(["the first attempt failed"])
        return plan(found, origin, main, self._naming)

    def _goes_full(self, reasons: list[str]) -> None:
        why = "; ".join(reasons)
        event(f"everything is copied: {why}", run=self._record.run_id)
        self._record.set_replication("full", why)

    def leave_horizon(self, main: psycopg.Connection) -> None:
        """Note what a whole copy was taken under, once it is published.

        Args:
            main: A session of the warehouse's owner.
        """
        assert self._found is not None
        if not is_on_disk(self._source, self._found.source):
            self._record.finding("replication", _NOT_ON_DISK)
            return
        now = fingerprint.of_replica(main, self._naming, self._schemas)
        found = replace(self._found, replica=now)
        horizon.write(main, self._naming.replica, self._record.run_id, found)
