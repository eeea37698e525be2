"""The verb `run`: attempts at a night, under the lock, whatever happens to us."""

from __future__ import annotations

import logging
import time

import psycopg

from entrepot_core.base.errors import (
    Interrupted,
    PublishedWithFault,
    Refused,
    ReplicaError,
    TransientFailure,
)
from entrepot_core.base.logs import event
from entrepot_core.base.signals import signals_end_the_run, signals_ignored
from entrepot_core.postgres.connection import Database, one_line
from entrepot_core.warehouse.locks import end_orphans, warehouse_lock
from entrepot_core.warehouse.runs import Record
from pg_replica.databases import databases
from pg_replica.night import Night
from pg_replica.preflight import checks
from pg_replica.settings import Settings

_ATTEMPTS = 2
_PAUSE = 1.0  # seconds that a server may take to notice that it must restart
_SERVER_RESTART = 120.0  # seconds that a server may take to accept connections again
_CLEAN_UP = 20.0  # seconds: children and landing are gone 30 seconds after a SIGTERM


def run(settings: Settings, *, full: bool = False) -> None:
    """Replicate the source, or a dump, and publish it.

    Args:
        settings: The variables.
        full: Whether everything is to be copied, whatever could be done instead.

    Raises:
        Refused: If a check finds a problem; nothing was done.
        TransientFailure: If the last attempt failed for a reason that may pass.
        ReplicaError: Whatever else ended it, each kind with its exit status.
    """
    source, warehouse = databases(settings)
    for database in filter(None, (source, warehouse)):
        _wait_for(database, settings.connect_budget)
    report = checks.check(settings)
    for warning in report.warnings:
        event(warning, level=logging.WARNING)
    if report.problems:
        raise Refused(report.problems)
    record: Record | None = None
    with signals_end_the_run():
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with warehouse_lock(warehouse, settings.turn) as lock:
                    record = record or _begin(settings, warehouse)
                    record.begin_attempt(attempt)
                    _wait_for_orphans(lock)
                    night = Night(
                        settings, report, source, warehouse, record, full=full
                    )
                    _attempt(night, lock, record)
                    return
            except TransientFailure as failure:
                if attempt == _ATTEMPTS:
                    raise
                event(
                    f"attempt {attempt} failed, trying once more: {failure}",
                    level=logging.WARNING,
                )
                time.sleep(_PAUSE)
                warehouse.wait_until_ready(_SERVER_RESTART)


def _wait_for(database: Database, seconds: float) -> None:
    """Be patient with a server; what no waiting mends is said by the checks, with all else."""
    began = time.monotonic()
    try:
        database.wait_until_ready(seconds)
    except TransientFailure:
        if time.monotonic() - began >= seconds:
            raise


def _begin(settings: Settings, warehouse: Database) -> Record:
    record = Record(warehouse, "run", settings.mode)
    for run_id, step, _ in record.interrupted:
        event(
            f"run {run_id} was interrupted in step {step}; what it left is removed",
            level=logging.WARNING,
        )
    return record


def _wait_for_orphans(lock: psycopg.Connection) -> None:
    """End what a dead run still has working on the server, such as a long CREATE INDEX."""
    while end_orphans(lock):
        time.sleep(0.1)


def _attempt(night: Night, lock: psycopg.Connection, record: Record) -> None:
    try:
        night.run(lock)
        record.close("succeeded")
    except BaseException as error:
        _end_badly(night, record, error)
        if night.published and isinstance(error, TransientFailure):
            raise PublishedWithFault(str(error)) from None
        raise


def _end_badly(night: Night, record: Record, error: BaseException) -> None:
    """Give the space back and say what happened, if the warehouse still answers."""
    with signals_ignored():
        try:
            if not night.published:
                night.clean_up()
            if night.published:
                record.close("succeeded", one_line(error))
            elif isinstance(error, Interrupted):
                record.close("cancelled", one_line(error))
            else:
                record.close("failed", one_line(error))
        except (ReplicaError, psycopg.Error) as later:
            event(
                f"the failure could not be recorded: {one_line(later)}",
                level=logging.WARNING,
            )
