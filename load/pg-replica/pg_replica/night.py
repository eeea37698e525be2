"""One attempt at a night, step by step: nothing of it is seen before the swap."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import psycopg

from entrepot_core.base.errors import PublishedWithFault, Refused, ReplicaError
from entrepot_core.base.logs import event
from entrepot_core.postgres import catalog
from entrepot_core.postgres.connection import Database, explained, one_line
from entrepot_core.postgres.copy.libpq import Patience
from entrepot_core.postgres.identifiers import PUBLIC
from entrepot_core.warehouse import dependents
from entrepot_core.warehouse.runs import Record
from entrepot_core.warehouse.schemas import Naming
from pg_replica.databases import builders
from pg_replica.delta.follower import follower
from pg_replica.dump.items import (
    Item,
    extension_schemas,
    schemas_of,
    sections,
)
from pg_replica.preflight.report import Report
from pg_replica.preflight.warehouse import CLOSE_PUBLIC
from pg_replica.publish import swap as publish
from pg_replica.publish.functions import close_functions
from pg_replica.publish.waiting import live_schemas, prepare_next
from pg_replica.restore import landing, new_columns, restorer
from pg_replica.restore.builder import Builder
from pg_replica.restore.checks import ChecksThatCall
from pg_replica.restore.context import RestoreContext
from pg_replica.restore.finish import Form, finish
from pg_replica.restore.kept_out import drop_kept_out, foreign_keys_left_out
from pg_replica.restore.kept_types import KeptTypes
from pg_replica.restore.logged import make_logged
from pg_replica.restore.progress import Display
from pg_replica.restore.scheduler import Crew
from pg_replica.restore.search_path import SearchPath
from pg_replica.settings import Settings
from pg_replica.source.origins import DumpOrigin, LiveOrigin, Origin
from pg_replica.verify import shrink
from pg_replica.warehouse import (
    functions,
    made_schemas,
    objects,
    ownership,
    source_code,
)
from pg_replica.warehouse.retired import drop_older, retired_schemas
from pg_replica.warehouse.sessions import Sessions


class Night:
    """An attempt.

    Args:
        settings: The variables.
        report: What the checks found.
        source: The source; None for a dump.
        warehouse: The warehouse.
        record: Where the run is recorded.
        full: Whether everything is to be copied, whatever could be done instead.
    """

    def __init__(
        self,
        settings: Settings,
        report: Report,
        source: Database | None,
        warehouse: Database,
        record: Record,
        *,
        full: bool = False,
    ) -> None:
        self._settings = settings
        self._report = report
        self._source = source
        self._warehouse = warehouse
        self._record = record
        self._naming = Naming(settings.replica_schema)
        self._follower = follower(settings, source, warehouse, record, full=full)
        self._stop = threading.Event()
        self._schemas: list[str] = []
        self._names: list[str] = []
        self._published = False

    def run(self, lock: psycopg.Connection) -> None:
        """Replicate and publish.

        Args:
            lock: The session that holds the warehouse's lock: the swap is done in it.

        Raises:
            ReplicaError: If the night is not published; the landing is then empty again.
        """
        origin: Origin | None = None
        # Whatever runs code of the source logs in as a role that owns nothing else.
        building = next(iter(builders(self._settings)), self._warehouse)
        workers = Sessions(building, autocommit=True)
        try:
            with (
                explained("warehouse"),
                Display(quiet=self._settings.log_format == "json") as display,
                self._warehouse.connect(purpose="work main") as main,
            ):
                with self._record.step("prepare"):
                    self._empty_landing(main)
                with self._record.step("read"):
                    origin = self._open_origin(display)
                if isinstance(origin, LiveOrigin):
                    new_columns.tell(main, origin, self._record)
                if self._follower and isinstance(origin, LiveOrigin):
                    if self._follower.follow(origin, main, display):
                        self._published = True
                        return
                    origin = self._follower.held(origin, main, self._report)
                with building.connect(purpose="work build") as build:
                    self._replicate(origin, main, build, workers, display)
                workers.close()
                self._publish(origin, main, lock)
        finally:
            self._stop.set()
            workers.cancel()
            workers.close()
            if origin:
                origin.close(published=self._published)
        self._after(lock)

    def _open_origin(self, display: Display) -> Origin:
        if self._source is not None:
            return LiveOrigin(self._settings, self._source, self._report)
        return DumpOrigin(self._settings, self._report, display.count)

    def _empty_landing(self, main: psycopg.Connection) -> None:
        left = set(self._record.unclean_landing()) | {PUBLIC}
        waiting = {self._naming.following(schema) for schema in left}
        names = self._record.landing_objects()
        builder = self._settings.build_role
        landing.clean(main, sorted(left | waiting), names, builder)
        if not landing.close_public(main, self._settings.internal_reader):
            self._record.finding("schema public", CLOSE_PUBLIC)
        self._record.set_landing([], [])

    def _replicate(
        self,
        origin: Origin,
        main: psycopg.Connection,
        build: psycopg.Connection,
        workers: Sessions,
        display: Display,
    ) -> None:
        self._schemas = schemas_of(origin.items)
        settings, of_extensions = self._settings, extension_schemas(origin.items)
        builder_role = settings.build_role
        roles = [builder_role, settings.replica_role, settings.internal_reader]
        landing.make_room(main, self._naming, self._schemas, of_extensions, roles)
        self._names = landing.names_of(origin.items)
        self._record.set_landing(self._schemas, self._names)
        path = SearchPath(self._schemas, origin.search_path)
        self._types = KeptTypes(
            main, self._naming, self._schemas, builder_role, origin.items
        )
        told = (origin.policy, self._record, self._naming)
        builder = Builder(*told, main, path, self._types, origin.lacking)
        checks = ChecksThatCall(self._schemas, path, self._record)
        pre_data, post_data = sections(origin.items)
        with self._record.step("schema"):
            landing.create_schemas(main, self._schemas, self._naming, builder_role)
            builder.build(build, pre_data)
            for table in make_logged(build, self._schemas):
                self._record.finding(
                    f"table {table}",
                    "is logged here: as on the source, a crash would empty it",
                )
            portions = origin.portions(build)
            if isinstance(origin, DumpOrigin):
                new_columns.tell(build, origin, self._record)
            _guard(self._settings, self._schemas, build, origin)
            path.find(build)
            checks.set_aside(build)
        context = _context(
            self._settings,
            self._stop,
            self._record,
            workers,
            builder,
            display,
            origin,
            path,
        )
        with self._record.step("copy"):
            origin.watch(context.crew.fail)
            restorer.load(
                context, portions, post_data, origin.policy, origin.rows_are_out
            )
            shrink.guard(
                main,
                self._record,
                self._naming,
                self._schemas,
                origin.policy,
                self._settings.may_lose,
            )
        with self._record.step("constraints"):
            tables = {portion.table for portion in portions}
            is_followed = self._follower is not None
            wanted = settings.restore_fk_constraints
            form = Form(self._schemas, wanted, is_followed)
            finish(context, build, origin, post_data, tables, checks, form)
            path.take_back(build)
        with self._record.step("verify"):
            self._verify(origin, build, builder, post_data)

    def _verify(
        self,
        origin: Origin,
        main: psycopg.Connection,
        builder: Builder,
        post_data: list[Item],
    ) -> None:
        found = self._facts(main)
        no_keys = self._settings.restore_fk_constraints == "false"
        lacking = foreign_keys_left_out(post_data, origin.policy, all_of_them=no_keys)
        origin.verify_catalog(found, lacking + builder.tolerated)
        origin.verify_rows(main)
        drop_kept_out(
            main, origin.policy, found, lambda: self._facts(main), self._record
        )

    def _facts(self, main: psycopg.Connection) -> set[catalog.Fact]:
        schemas = [*self._schemas, *self._types.live_schemas]
        return self._types.as_landed(catalog.facts(main, schemas))

    def _publish(
        self, origin: Origin, main: psycopg.Connection, lock: psycopg.Connection
    ) -> None:
        if self._follower:
            self._follower.mark(main)
        with self._record.step("publish"):
            builder, owner = self._settings.build_role, self._settings.replica_role
            is_ours = objects.in_landing(self._names, builder)
            naming, policy = self._naming, origin.policy
            prepare_next(main, naming, self._schemas, policy, is_ours, self._record)
            reader = self._settings.internal_reader
            waiting = [self._naming.following(schema) for schema in self._schemas]
            if builder and owner:
                ownership.hand_over(main, waiting, builder, owner)
            has_reader = publish.grant_to_reader(main, waiting, reader)
            close_functions(
                main,
                self._naming,
                self._schemas,
                reader if has_reader else None,
                self._record,
                owner_may_call=self._settings.trust_source_code,
            )
            # Extensions that the night has made may be what readers need of it.
            landing.close_public(main, reader)
            live = live_schemas(main, self._naming)
            self._dependents = dependents.of_live_schemas(
                main, live, [*waiting, *retired_schemas(main, self._naming.replica)]
            )
            swap = publish.Swap(
                self._naming,
                self._schemas,
                reader if has_reader else None,
                self._record.run_id,
                self._types.move,
            )
            self._record.flush()
            swap.publish(lock, self._warehouse)
            self._published = True
        event("published", run=self._record.run_id, schema=self._naming.replica)

    def _after(self, lock: psycopg.Connection) -> None:
        """Do what may fail without taking the night back."""
        try:
            with (
                self._record.step("rebind"),
                self._warehouse.connect(purpose="work rebind") as main,
            ):
                publish.rebind(main, self._dependents, self._record)
                drop_older(lock, self._record, self._settings)
                self._record.set_landing([], [])
                if self._follower:
                    self._follower.leave_horizon(main)
        except (ReplicaError, psycopg.Error) as error:
            raise PublishedWithFault(
                f"the night is published, but a later step failed: {one_line(error)}",
                "the next run puts it in order",
            ) from None

    def clean_up(self) -> None:
        """Empty the landing after a failure, to give the space back."""
        waiting = [self._naming.following(schema) for schema in self._schemas]
        schemas = [*self._schemas, *waiting]
        _clean_up(self._warehouse, schemas, self._names, self._settings, self._record)

    @property
    def published(self) -> bool:
        """Whether the swap was committed."""
        return self._published


def _context(
    settings: Settings,
    stop: threading.Event,
    record: Record,
    workers: Sessions,
    builder: Builder,
    display: Display,
    origin: Origin,
    path: SearchPath,
) -> RestoreContext:
    cancel = _both(workers.cancel, origin.cancel)
    return RestoreContext(
        workers,
        builder,
        record,
        display,
        Patience(stop, settings.network_timeout),
        Crew(settings.jobs, stop, cancel),
        settings.maintenance_work_mem,
        path,
    )


def _guard(
    settings: Settings,
    schemas: list[str],
    build: psycopg.Connection,
    origin: Origin,
) -> None:
    """Let no code of the source run as the warehouse's owner, unless it is trusted."""
    if settings.build_role or settings.trust_source_code:
        return
    if found := source_code.that_runs(build, origin.policy):
        raise Refused([source_code.refusal(found)])
    functions.deny_to_owner(build, schemas)


def _clean_up(
    warehouse: Database,
    schemas: list[str],
    names: list[str],
    settings: Settings,
    record: Record,
) -> None:
    with warehouse.connect(purpose="work clean") as connection:
        ours = made_schemas.ours(connection, schemas)
        is_ours = objects.in_landing(names, settings.build_role)
        if objects.drop(connection, ours, patience=10, is_ours=is_ours):
            event(
                "the landing could not be emptied; the next run will",
                level=logging.WARNING,
            )
        else:
            record.set_landing([], [])


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def call() -> None:
        first()
        second()

    return call
