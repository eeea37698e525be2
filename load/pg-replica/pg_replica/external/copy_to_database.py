"""The partners' tables in a database of their own: copied, compared, then swapped there."""

from __future__ import annotations

import threading
import time

import psycopg

from entrepot_core.base.errors import RunFailed, TransientFailure
from entrepot_core.policy import columns
from entrepot_core.policy.tables import TableRule
from entrepot_core.postgres import catalog, client_tools
from entrepot_core.postgres.connection import Database, explained, one_line
from entrepot_core.postgres.copy.libpq import CopyError, CopyOut, Patience, copy_in
from entrepot_core.warehouse.runs import Item, Record, utc_now
from pg_replica.dump import items as dump
from pg_replica.dump.contents import read_schema
from pg_replica.dump.items import LEFT_OUT
from pg_replica.settings import Settings
from pg_replica.warehouse import objects

_DUMP = [
    "--schema-only",
    "--no-owner",
    "--no-privileges",
    "--no-tablespaces",
    "--encoding=UTF8",
]
_PATIENCE = 10.0  # seconds for what a dead publication's sessions still hold
_WHOLE = TableRule()


def fill(
    settings: Settings,
    warehouse: Database,
    target: Database,
    lock: psycopg.Connection,
    record: Record,
    schema: str,
) -> None:
    """Make a schema of the warehouse in the other database, with all that belongs to its tables.

    Args:
        settings: The variables.
        warehouse: Where the tables are.
        target: Where they go.
        lock: The session that holds the target's lock.
        record: The target's record.
        schema: The schema; what an earlier, unfinished publication left of it is removed.

    Raises:
        RunFailed: If anything could not be copied, or arrived otherwise than it left.
    """
    if held := objects.drop(lock, [schema], patience=_PATIENCE):
        raise RunFailed(f"schema {schema} of the {target.label} is in use: {held[0]}")
    items = _definitions(settings, warehouse, lock, schema)
    before, after = dump.sections([item for item in items if item.kind not in LEFT_OUT])
    with (
        explained(target.label),
        warehouse.connect(purpose="work external", autocommit=False) as source,
        target.connect(purpose="work external", autocommit=False) as work,
    ):
        source.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        work.execute(f'CREATE SCHEMA "{schema}"')
        _make(work, before)
        tables = catalog.tables(source, [schema])
        for table in tables:
            _copy(settings, source, work, table, record)
        _make(work, after)
        for table in tables:
            _compare(source, work, table)
            work.execute(f"ANALYZE {table.name.sql}")
        work.commit()


def _definitions(
    settings: Settings,
    warehouse: Database,
    target: psycopg.Connection,
    schema: str,
) -> list[dump.Item]:
    """Let pg_dump tell the schema's tables, comments, constraints and indexes."""
    with warehouse.connect(purpose="external") as session:
        versions = (session.info.server_version, target.info.server_version)
    newest = max(versions) // 10000
    pair = client_tools.usable(settings.pg_bindir, newest, warehouse)[0]
    command = [
        pair.path("pg_dump"),
        "--format=custom",
        *_DUMP,
        f"--schema={schema}",
    ]
    with client_tools.reading(command, warehouse.child_environment()) as output:
        return read_schema(output)


def _make(work: psycopg.Connection, items: list[dump.Item]) -> None:
    for item in items:
        try:
            for statement in item.statements:
                # With a binary answer the protocol takes one statement, never two.
                work.execute(statement, binary=True)
        except psycopg.ProgrammingError as error:
            raise RunFailed(f"{item.label}: {one_line(error)}") from None


def _copy(
    settings: Settings,
    source: psycopg.Connection,
    work: psycopg.Connection,
    table: catalog.Table,
    record: Record,
) -> None:
    patience = Patience(threading.Event(), settings.network_timeout)
    how = columns.copy_format(table, _WHOLE, catalog.BinarySafety(source))
    out = columns.copy_out_statement(table, _WHOLE, how)
    into = f"COPY {table.name.sql} FROM STDIN (FORMAT {how}, FREEZE)"
    began, started_at = time.monotonic(), utc_now()
    sizes: list[int] = []
    try:
        copy = CopyOut(source, out, patience)
        received = copy_in(work, into, copy, patience, sizes.append)
    except CopyError as error:
        kind = RunFailed if error.sqlstate else TransientFailure
        raise kind(
            f"table {table.name} was not copied to the external database: {error}"
        ) from None
    if received != copy.rows:
        raise RunFailed(
            f"table {table.name}: {copy.rows} rows were sent, {received} arrived"
        )
    seconds = time.monotonic() - began
    record.item(
        Item("TABLE DATA", table.name.name, started_at, seconds, received, sum(sizes))
    )


def _compare(
    source: psycopg.Connection, work: psycopg.Connection, table: catalog.Table
) -> None:
    query = (
        "SELECT pg_catalog.count(*),"
        " coalesce(pg_catalog.sum(pg_catalog.hashtextextended(t::pg_catalog.text, 0)), 0)::text"
        f" FROM ONLY {table.name.sql} AS t"
    )
    if source.execute(query).fetchone() != work.execute(query).fetchone():
        raise RunFailed(
            f"table {table.name} of the external database differs from the warehouse's"
        )
