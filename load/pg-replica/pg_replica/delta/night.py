"""A delta night: what has changed is read, compared, and applied in one transaction."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import psycopg

from entrepot_core.postgres import catalog, queries
from entrepot_core.postgres.copy.libpq import Patience
from entrepot_core.postgres.identifiers import PUBLIC, TableName
from entrepot_core.warehouse.runs import Item, utc_now
from entrepot_core.warehouse.schemas import Naming
from pg_replica.databases import builders
from pg_replica.delta import application, commit, horizon, rights
from pg_replica.delta.comparison import Doubt, Foreign
from pg_replica.delta.decision import Plan
from pg_replica.delta.examination import Examination, Finding
from pg_replica.delta.horizon import Horizon
from pg_replica.delta.observation import is_on_disk
from pg_replica.delta.place import Place
from pg_replica.delta.scan import Scan
from pg_replica.delta.working import Working
from pg_replica.dump.items import REFRESH, schemas_of
from pg_replica.restore.scheduler import Crew, Task
from pg_replica.restore.search_path import SearchPath
from pg_replica.source.origins import LiveOrigin
from pg_replica.source.partitions import routed
from pg_replica.verify import shrink
from pg_replica.warehouse import made_schemas, objects, ownership
from pg_replica.warehouse.sessions import Sessions

_WORK_MEMORY = "64MB"  # for what is sorted and hashed in the warehouse
_RECONNECT = (
    120.0  # seconds to learn whether a COMMIT whose answer was lost took effect
)
_NO_PATH = "''"
_LIVE_TABLES = queries.read("pg_replica", "live_tables")
_NIGHTS = (
    "SELECT pg_catalog.count(*) FROM entrepot_ops.publications AS p"
    " JOIN entrepot_ops.runs AS r USING (run_id)"
    " WHERE r.replication = 'delta' AND p.schemas[1] = %s"
)


class DeltaNight:
    """One delta night.

    Args:
        place: Where it works.
        origin: The source, held still.
        last: The horizon from which it goes on.
        found: The one that it leaves.
        plan: What is done about each table.
    """

    def __init__(
        self,
        place: Place,
        origin: LiveOrigin,
        last: Horizon,
        found: Horizon,
        plan: Plan,
    ) -> None:
        self._place = place
        self._origin = origin
        self._last = last
        self._found = found
        self._naming = Naming(place.settings.replica_schema)
        self._schemas = schemas_of(origin.items)
        self._staging = self._naming.following(PUBLIC)
        owner = builders(place.settings)[-1:] or [place.warehouse]
        login = replace(
            owner[0], settings=(*owner[0].settings, ("work_mem", _WORK_MEMORY))
        )
        self._login = login
        self._sessions = Sessions(login, autocommit=True)
        self._stop = threading.Event()
        self._tables = self._working(plan)

    def _working(self, plan: Plan) -> list[Working]:
        live = [self._naming.live(schema) for schema in self._schemas]
        rows = self._place.main.execute(_LIVE_TABLES, {"schemas": live}).fetchall()
        moving = {
            TableName(schema, name): tuple(names or ()) for schema, name, names in rows
        }
        found = []
        for number, each in enumerate(plan.tables):
            name = each.table.name
            here = TableName(self._naming.live(name.schema), name.name)
            if here not in moving:
                raise Doubt(f"the replica has no table {here}")
            rule = self._origin.policy.rule(name)
            found.append(Working(each, rule, here, self._staging, number, moving[here]))
        return found

    def run(self) -> None:
        """Bring what has changed.

        Raises:
            Doubt: If it would not be sure to be right; nothing has changed.
            TransientFailure: If a server was lost; nothing has changed.
            TooMuchLost: If too much would be lost.
        """
        try:
            self._check()
            self._make_staging()
            with self._login.connect(purpose="work apply") as session:
                transaction = application.lock(session, self._tables)
                snapshot = horizon.warehouse_snapshot(session)
                with self._place.record.step("compare"):
                    findings = self._examine()
                self._refuse_shrink(findings)
                with self._place.record.step("apply"):
                    self._apply(session, findings)
                    if not is_on_disk(self._place.source, self._found.source):
                        raise Doubt("what was read is not on the source's disk yet")
                    now = replace(
                        self._found, transaction=transaction, snapshot=snapshot
                    )
                    commit.note(self._place, now, findings)
                    commit.commit(self._place, session, transaction)
            commit.vacuum(self._sessions.get(0), findings)
        finally:
            self._stop.set()
            self._sessions.cancel()
            self._sessions.close()
            self._clean_up()

    def _check(self) -> None:
        """Find what this way cannot do.

        Raises:
            Doubt: If it finds any.
        """
        ((encoding,),) = self._origin.snapshot.query("SHOW server_encoding")
        if encoding != "UTF8":
            raise Doubt(
                f"the source's encoding is {encoding}: keys have other bytes here"
            )
        elsewhere = routed(self._place.main, same_encoding=True)
        if found := [
            str(table.name) for table in self._tables if table.live in elsewhere
        ]:
            raise Doubt(f"rows find another partition here: {', '.join(found)}")
        if empty := [str(table.name) for table in self._tables if not table.copied]:
            raise Doubt(f"nothing is copied of {', '.join(empty)}")

    def _make_staging(self) -> None:
        main, role = self._place.main, self._place.settings.replica_role
        made_schemas.create(main, self._staging)
        if role:
            ownership.let_build(main, [self._staging], role)

    def _examine(self) -> list[Finding]:
        """Read and compare all tables, several at once; then let the source go."""
        place, settings = self._place, self._place.settings
        patience = Patience(self._stop, settings.network_timeout)
        row = place.main.execute(_NIGHTS, [self._naming.replica]).fetchone()
        assert row is not None
        examination = Examination(
            Scan(
                self._origin,
                self._sessions,
                patience,
                place.display.count,
                settings.pseudonym_secret,
                settings.copy_passthrough,
                self._last.source.oldest,
                self._origin.snapshot.binary_safety(),
            ),
            self._sessions,
            Foreign(self._last.snapshot, self._last.transaction),
            row[0] % settings.audit_days,
            settings.audit_days,
        )
        findings: list[Finding] = []

        def action(table: Working) -> Callable[[int], None]:
            def examine(worker: int) -> None:
                began, started_at = time.monotonic(), utc_now()
                finding = examination.examine(table, worker)
                findings.append(finding)
                seconds = time.monotonic() - began
                place.display.item_done(finding.staged)
                place.record.item(
                    Item(
                        "CHANGED ROWS",
                        str(table.name),
                        started_at,
                        seconds,
                        finding.staged,
                    )
                )

            return examine

        crew = Crew(settings.jobs, self._stop, self._cancel)
        self._origin.watch(crew.fail)
        tasks = [
            Task(f"changes of table {table.name}", action(table), table.plan.table.size)
            for table in self._tables
        ]
        place.display.expect(0, len(tasks))
        crew.do(tasks)
        self._origin.rows_are_out()
        for finding in findings:
            if finding.doubt:
                place.record.finding(
                    f"table {finding.table.name}",
                    f"compared as a whole: {finding.doubt}",
                )
        return sorted(findings, key=lambda finding: finding.table.number)

    def _cancel(self) -> None:
        self._sessions.cancel()
        self._origin.cancel()

    def _refuse_shrink(self, findings: list[Finding]) -> None:
        place = self._place
        names = {self._naming.live(schema): schema for schema in self._schemas}
        before, after = (
            shrink.of_roots(
                place.main,
                [
                    (str(each.table.name), getattr(each.counts, when))
                    for each in findings
                ],
                names,
            )
            for when in ("before", "after")
        )
        lost = shrink.losses(
            before, after, self._origin.policy, place.settings.may_lose
        )
        for loss in lost:
            place.record.finding(loss.subject, loss.figures)
        shrink.refuse(lost)

    def _apply(self, session: psycopg.Connection, findings: list[Finding]) -> None:
        """Apply what was found, in the transaction that was begun."""
        main, role = self._place.main, self._place.settings.replica_role
        found = catalog.sequences(main)
        wanted = {
            self._live(name): value for name, value in self._origin.sequences.items()
        }
        application.set_sequences(session, wanted, found)
        if all(each.counts.is_nothing for each in findings):
            return
        live = [self._naming.live(schema) for schema in self._schemas]
        path = SearchPath(live, map(self._naming.live, self._origin.search_path))
        path.find(main)
        views = [
            self._live(TableName(item.schema or PUBLIC, item.tag))
            for item in self._origin.items
            if item.kind == REFRESH
        ]
        with rights.functions_open(session, live):
            # The source's functions may count on it; our own statements do not.
            session.execute(f"SET LOCAL search_path = {path.value or _NO_PATH}")
            application.apply(session, [(each.table, each.counts) for each in findings])
            with rights.temporary_tables(main, role if views else None):
                application.refresh(session, views)
            session.execute(f"SET LOCAL search_path = {_NO_PATH}")

    def _live(self, name: TableName) -> TableName:
        return TableName(self._naming.live(name.schema), name.name)

    def _clean_up(self) -> None:
        """Drop what was staged; the next run does it otherwise."""
        with suppress(psycopg.Error):
            ours = made_schemas.ours(self._place.main, [self._staging])
            objects.drop(self._place.main, ours, patience=10)
