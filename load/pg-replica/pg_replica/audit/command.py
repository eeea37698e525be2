"""The verb `audit`: append tables compared with the source, slice by slice, and repaired.

An append table is only read above its bookmark, so rows that the source updates, deletes or inserts
far below are not seen. The audit finds them. It ends at the key up to which every transaction of
the source had ended when the table was loaded: above it, rows are still to come, and are no
differences.
"""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg.rows import TupleRow

from entrepot_core.base.errors import Differs, Refused
from entrepot_core.base.logs import event
from entrepot_core.base.suggest import nearest
from entrepot_core.policy import tables as policy
from entrepot_core.postgres import catalog, queries
from entrepot_core.postgres.connection import Database, explained, one_line
from entrepot_core.postgres.identifiers import TableName
from entrepot_core.warehouse import deleted, locks, migrate
from entrepot_core.warehouse.locks import warehouse_lock
from entrepot_core.warehouse.runs import Record
from entrepot_core.warehouse.schemas import Naming
from pg_replica.audit.compare import Comparison
from pg_replica.audit.model import Audited, Findings
from pg_replica.databases import databases
from pg_replica.settings import Settings

_LOADED = queries.read("pg_replica", "loaded_append_tables")
_WHERE_WE_WERE = """
SELECT a.high FROM (
    SELECT high, is_at_end FROM entrepot_ops.audits
    WHERE table_schema = %s AND stream = %s AND NOT is_dry_run ORDER BY run_id DESC LIMIT 1
) AS a WHERE NOT a.is_at_end
"""


def audit(
    settings: Settings, *, everything: bool, dry_run: bool, only: str | None
) -> None:
    """Compare append tables with the source, and repair what differs.

    Args:
        settings: The variables.
        everything: Whether all is compared, instead of tonight's slice.
        dry_run: Whether to leave the differences as they are.
        only: A single table, by its name in the policy.

    Raises:
        Differs: If anything did.
        Refused: If the audit cannot be done.
        AnotherRun: If a run is under way.
    """
    _, warehouse = databases(settings)
    with warehouse_lock(warehouse, settings.turn) as lock:
        migrate.upgrade(lock)
        loaded = lock.execute(
            _LOADED, {"schema": Naming(settings.replica_schema).incremental}
        ).fetchall()
        if not loaded and only is None:
            event("no append table is loaded yet: there is nothing to audit")
            return
        source = _source(settings)
        tables = _tables(settings, source, loaded, only)
        _exclude_loads(lock)
        _make_room(lock, settings, tables, dry_run=dry_run)
        record = Record(warehouse, "audit", "live")
        try:
            differing = []
            for table in tables:
                with record.step(f"audit {table.there}"):
                    found = Comparison(settings, source, warehouse, table).slice(
                        _start(lock, table, everything=everything),
                        everything=everything,
                        dry_run=dry_run,
                    )
                    _note(record, lock, table, found, dry_run=dry_run)
                if found.differs:
                    differing.append(f"table {table.there}: {found.sentence}")
            record.close("succeeded")
        except BaseException as error:
            record.close("failed", one_line(error))
            raise
    if differing:
        done = "left as they are" if dry_run else "repaired"
        raise Differs(f"{'; '.join(differing)}: {done}")


def _make_room(
    lock: psycopg.Connection,
    settings: Settings,
    tables: list[Audited],
    *,
    dry_run: bool,
) -> None:
    """Let rows stay that the source has deleted, where the policy asks for that."""
    problems = [
        problem
        for table in tables
        if table.keeps
        for problem in deleted.problems(
            table.there,
            table.names,
            [],
            [*table.primary_key, table.key],
            table.rule.personal,
        )
    ]
    if problems:
        raise Refused(problems)
    naming = Naming(settings.replica_schema)
    for table in tables:
        live = TableName(naming.live(table.there.schema), table.here.name)
        if table.keeps and not dry_run:
            deleted.make_room(lock, table.here, live, table.rule.emptied)
        elif table.keeps and not deleted.is_kept(lock, table.here):
            problem = (
                f"table {table.there} has not been loaded since keep_deleted was set for it: "
                "load it first, or audit it without --dry-run"
            )
            raise Refused([problem])


def _exclude_loads(lock: psycopg.Connection) -> None:
    if holder := locks.take(lock, locks.APPEND):
        raise Refused(
            [
                f"append tables are being loaded ({holder}): audit them when that has ended"
            ]
        )


def _source(settings: Settings) -> Database:
    """Give the live source, which append tables come from even when the rest is a dump."""
    if not settings.source_database_url:
        raise Refused(
            ["SOURCE_DATABASE_URL is missing: an audit compares with the live source"]
        )
    return Database(
        "source",
        settings.source_database_url,
        settings.network_timeout,
        (("row_security", "off"),),
    )


def _tables(
    settings: Settings, source: Database, loaded: list[TupleRow], only: str | None
) -> list[Audited]:
    """Match the loaded append tables with the source's, and with the policy."""
    text, problems = policy.read(Path(settings.tables_file), settings.backup_mode)
    with explained("source"), source.connect(purpose="audit") as session:
        there = catalog.table_columns(session)
    rules = text.resolve(there)
    found = []
    for (
        stream,
        schema,
        here_schema,
        name,
        key,
        high,
        settled,
        size,
        kind,
        names,
        primary,
    ) in loaded:
        table = TableName(schema, name)
        if not text.is_incremental(table):
            continue  # it is copied whole now, or has gone with its entry
        if table not in there:
            problems.append(f"the source has no table {table} any more")
            continue
        kept = [column for column in names if column in there[table]]
        found.append(
            Audited(
                stream,
                table,
                TableName(here_schema, name),
                key,
                kind,
                high,
                settled,
                size,
                kept,
                rules.rule(table),
                primary,
            )
        )
    known = [str(table.there) for table in found]
    if only is not None and only not in known:
        problems.append(f"no append table {only!r} is loaded.{nearest(only, known)}")
    if problems := problems + rules.problems:
        raise Refused(problems)
    return [table for table in found if only in (None, str(table.there))]


def _start(lock: psycopg.Connection, table: Audited, *, everything: bool) -> str | None:
    """Give the key after which tonight's slice begins: where the last one ended."""
    if everything:
        return None
    row = lock.execute(_WHERE_WE_WERE, [table.here.schema, table.stream]).fetchone()
    return row[0] if row else None


def _note(
    record: Record,
    lock: psycopg.Connection,
    table: Audited,
    found: Findings,
    *,
    dry_run: bool,
) -> None:
    event(
        f"table {table.there}: {found.compared} rows compared",
        above=found.low,
        up_to=found.high,
        differing=len(found.ranges),
    )
    if found.ranges and not found.differs:
        event(f"table {table.there}: {found.sentence}")
    elif found.ranges:
        first = found.ranges[0]
        record.finding(
            f"table {table.there}, {table.key} above {first.low} up to {first.high}",
            found.sentence + (": left as they are" if dry_run else ": repaired"),
        )
    if found.kept:
        record.finding(f"table {table.here}", found.kept)
    lock.execute(
        "INSERT INTO entrepot_ops.audits (run_id, table_schema, stream, low, high, is_at_end,"
        " is_dry_run, compared_rows, differing_ranges, missing_rows, changed_rows, surplus_rows)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            record.run_id,
            table.here.schema,
            table.stream,
            found.low,
            found.high,
            found.at_end,
            dry_run,
            found.compared,
            len(found.ranges),
            found.missing,
            found.changed,
            found.surplus,
        ],
    )
