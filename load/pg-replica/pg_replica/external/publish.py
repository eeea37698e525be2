"""The verb `publish-external`: what partners read, published as a whole by a rename of schemas.

The same steps in each database: the tables wait in `external_next`, get their rights and
policies, and one short transaction makes them `external`. With EXTERNAL_DATABASE_URL that is done
there first: what fails leaves readers on the night before, and the next try does all of it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from entrepot_core.base.errors import Refused, ReplicaError, RunFailed, TransientFailure
from entrepot_core.base.logs import event
from entrepot_core.base.signals import signals_end_the_run
from entrepot_core.postgres import catalog
from entrepot_core.postgres.connection import Database, are_same, explained, one_line
from entrepot_core.postgres.identifiers import PUBLIC, TableName, literal, quote
from entrepot_core.postgres.server import major, role_exists
from entrepot_core.warehouse import shrinking
from entrepot_core.warehouse.locks import warehouse_lock
from entrepot_core.warehouse.runs import Record
from entrepot_core.warehouse.schemas import Naming
from pg_replica.databases import OLDEST_WAREHOUSE, databases
from pg_replica.external import copy_to_database, privileges, row_security, seal
from pg_replica.external.seal import EVERYONE, Seal
from pg_replica.preflight.report import Report
from pg_replica.publish.swap import Swap, grant_to_reader
from pg_replica.settings import Settings
from pg_replica.warehouse import objects, retired

NAMING = Naming("external")
_LIVE, _NEXT = NAMING.live(PUBLIC), NAMING.following(PUBLIC)
_COMMAND = "publish-external"
_COMMENT = "Tables for partners, under contract; replaced as a whole by each night"
_MANY = 10  # sentences that a message lists


def external_database(settings: Settings) -> Database | None:
    """Describe the database that holds nothing but the partners' tables.

    Args:
        settings: With its URL.

    Returns:
        The database; None when partners read the warehouse's schema `external`.
    """
    if settings.external_database_url is None:
        return None
    return Database(
        "external database", settings.external_database_url, settings.network_timeout
    )


def publish_external(settings: Settings, *, dry_run: bool = False) -> None:
    """Publish what the last whole build has made for partners.

    Args:
        settings: The variables.
        dry_run: Only say what would be published.

    Raises:
        Refused: If a check finds a problem; nothing was done.
        RunFailed: If it is published in one database, and not in the other.
        ReplicaError: If nothing was published; readers keep what they had.
    """
    _, warehouse = databases(settings)
    target = external_database(settings)
    for database in filter(None, (warehouse, target)):
        database.wait_until_ready(settings.connect_budget)
    if target and (problems := _misplaced(settings, target)):
        raise Refused(problems)
    with signals_end_the_run(), warehouse_lock(warehouse, settings.turn) as lock:
        sealed = seal.read(lock, _NEXT)
        if sealed is None:
            event("nothing was built for partners since the last publication")
            return
        if dry_run:
            _describe(lock, sealed, target)
            return
        with _recorded(warehouse) as record:
            with record.step("prepare"):
                seal.tidy(lock, _NEXT, sealed)
            if target:
                with record.step("publish elsewhere"):
                    _publish_elsewhere(settings, warehouse, target, lock, sealed)
            try:
                _publish(settings, warehouse, lock, record, sealed)
            except RunFailed as error:
                if target is None:
                    raise
                raise RunFailed(
                    f"published in the {target.label}, but not in the warehouse: {error}",
                    error.hint,
                ) from None
    event("published", schema=_LIVE, tables=len(sealed.tables))


def _publish_elsewhere(
    settings: Settings,
    warehouse: Database,
    target: Database,
    lock: psycopg.Connection,
    sealed: Seal,
) -> None:
    with warehouse_lock(target) as there, _recorded(target) as record:
        with record.step("copy"):
            copy_to_database.fill(settings, warehouse, target, there, record, _NEXT)
            if seal.read(lock, _NEXT) != sealed:
                raise _begun_anew()
            there.execute(_commented(_NEXT, sealed.text))
            row_security.copy_mapping(lock, there)
        _publish(settings, target, there, record, sealed)
        retired.drop_retired(there, record, NAMING.replica)


def _publish(
    settings: Settings,
    database: Database,
    lock: psycopg.Connection,
    record: Record,
    sealed: Seal,
) -> None:
    """Publish in one database what waits there."""
    with record.step("publish"), explained(database.label):
        _refuse_to_replace_others(lock, database)
        _refuse_shrink(lock, database, sealed, settings.may_lose)
        if found := _beyond(settings, lock):
            raise RunFailed(
                f"partners would see more than {_LIVE} in the {database.label}: "
                + "; ".join(found[:_MANY]),
                "take these rights away, from PUBLIC too, and publish again",
            )
        row_security.protect(
            lock, _NEXT, sealed.tables, wanted=settings.external_row_security
        )
        reader = settings.external_reader
        has_reader = grant_to_reader(lock, [_NEXT], reader)
        _report_roles(settings, lock, record, has_reader=has_reader)

        def finish(connection: psycopg.Connection) -> None:
            seal.wait_for_builders(connection)
            if seal.comment(connection, _LIVE) != (sealed.text,):
                raise _begun_anew()
            connection.execute(_commented(_LIVE, _COMMENT))

        record.flush()
        Swap(
            NAMING, [PUBLIC], reader if has_reader else None, record.run_id, finish
        ).publish(lock, database)


def _commented(schema: str, text: str) -> str:
    return f"COMMENT ON SCHEMA {quote(schema)} IS {literal(text)}"


def _begun_anew() -> RunFailed:
    return RunFailed(
        f"a build of {_NEXT} began while it was being published: nothing is published",
        "publish again when the build has ended",
    )


def _refuse_to_replace_others(lock: psycopg.Connection, database: Database) -> None:
    """Leave alone a schema of that name which somebody else has made and filled."""
    row = lock.execute(
        "SELECT true FROM entrepot_ops.publications WHERE %s = ANY (schemas) LIMIT 1",
        [_LIVE],
    ).fetchone()
    if row is None and (found := objects.list_objects(lock, [_LIVE])):
        raise RunFailed(
            f"schema {_LIVE} of the {database.label} holds what no publication of ours made: "
            f"{found[0]}",
            "move it to another schema, then publish again",
        )


def _refuse_shrink(
    lock: psycopg.Connection, database: Database, sealed: Seal, limit: float
) -> None:
    """Publish no emptiness: partners keep the night before."""
    if limit >= shrinking.NO_LIMIT:
        return
    found = []
    for table in sealed.tables:
        before = shrinking.rows_of(lock, TableName(_LIVE, table.name))
        after = shrinking.rows_of(lock, TableName(_NEXT, table.name))
        if shrinking.is_too_much(before, after, limit):
            found.append(f"table {table.name}: {before} rows last night, now {after}")
    if found:
        more = f"; and {len(found) - _MANY} more" if len(found) > _MANY else ""
        raise RunFailed(
            f"{_LIVE} in the {database.label} would lose more than SHRINK_LIMIT allows: "
            f"{'; '.join(found[:_MANY])}{more}; partners keep the night before",
            shrinking.WAY_OUT,
        )


def _partners(settings: Settings, session: psycopg.Connection) -> list[str]:
    """List the existing roles that are meant to see `external` and nothing else."""
    mapped: list[str] = []
    row = session.execute("SELECT to_regclass('entrepot_ops.external_rows')").fetchone()
    if settings.external_row_security and row and row[0]:
        mapped = row_security.mapped_roles(session)
    names = dict.fromkeys([settings.external_reader, *mapped])
    return [name for name in names if role_exists(session, name)]


def _beyond(settings: Settings, session: psycopg.Connection) -> list[str]:
    meant = [_LIVE, _NEXT, "entrepot_info"]
    return privileges.beyond(session, _partners(settings, session), meant)


def _report_roles(
    settings: Settings,
    lock: psycopg.Connection,
    record: Record,
    *,
    has_reader: bool,
) -> None:
    if not has_reader:
        record.finding(
            f"role {settings.external_reader}",
            "there is none: nobody may read external",
        )
    if not settings.external_row_security:
        return
    mapped = row_security.mapped_roles(lock)
    if not mapped:
        record.finding(
            "EXTERNAL_ROW_SECURITY",
            "entrepot_ops.external_rows gives no role any organisation: nobody sees a row",
        )
    for role in set(mapped) - set(_partners(settings, lock)):
        record.finding(
            f"role {role}", "entrepot_ops.external_rows names it; there is none"
        )


def _describe(lock: psycopg.Connection, sealed: Seal, target: Database | None) -> None:
    place = f" and in the external database ({target.place})" if target else ""
    event(f"would publish {len(sealed.tables)} tables in schema {_LIVE}{place}")
    for table in sealed.tables:
        name = TableName(_NEXT, table.name)
        row = lock.execute(
            "SELECT pg_catalog.count(*) FROM pg_catalog.pg_class"
            " WHERE oid = pg_catalog.to_regclass(%s)",
            [name.sql],
        ).fetchone()
        found = "" if row == (1,) else ", which is missing"
        rows = (
            "rows of everyone" if table.rows_of == EVERYONE else f"by {table.rows_of}"
        )
        event(f"table {table.name}{found}", rows=rows)


@contextmanager
def _recorded(database: Database) -> Iterator[Record]:
    record = Record(database, _COMMAND, "-")
    try:
        yield record
        record.close("succeeded")
    except BaseException as error:
        try:
            record.close("failed", one_line(error))
        except TransientFailure as later:
            event(f"the failure could not be recorded: {later}", level=logging.WARNING)
        raise


def _misplaced(settings: Settings, target: Database) -> list[str]:
    """Say why partners' tables cannot be published in a database."""
    problems = []
    with explained(target.label), target.connect(purpose="check") as there:
        for variable, url in (
            ("TARGET_DATABASE_URL", settings.target_database_url),
            ("SOURCE_DATABASE_URL", settings.source_database_url),
        ):
            if url and _is_there(
                Database(variable, url, settings.network_timeout), there
            ):
                problems.append(
                    f"EXTERNAL_DATABASE_URL is the same database as {variable}: partners' "
                    "tables need one that holds nothing else"
                )
        if problems:
            return problems
        rows = there.execute(
            "SELECT n.nspname FROM pg_catalog.pg_namespace AS n"
            f" WHERE {catalog.USER_SCHEMAS}"
            " AND n.nspname NOT IN ('public', 'entrepot_ops', 'entrepot_info')"
            " AND n.nspname !~ '^external(_next|_previous(_[0-9]+)?)?$' ORDER BY 1"
        ).fetchall()
        others = [f"schema {row[0]}" for row in rows]
        others += [str(item) for item in objects.list_objects(there, [PUBLIC])]
        if others:
            problems.append(
                f"EXTERNAL_DATABASE_URL: database {there.info.dbname} holds something else "
                f"({', '.join(others[:_MANY])}): give partners' tables a database of their own"
            )
        row = there.execute(
            "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')"
        ).fetchone()
        if row != (True,):
            problems.append(
                f"EXTERNAL_DATABASE_URL: role {there.info.user} may not create schemas in "
                f"database {there.info.dbname}: make it the database's owner"
            )
        if major(there) < OLDEST_WAREHOUSE:
            problems.append(
                f"the external database is PostgreSQL {major(there)}; {OLDEST_WAREHOUSE} is the "
                "oldest supported"
            )
    return problems


def _is_there(database: Database, there: psycopg.Connection) -> bool:
    """Say whether two URLs lead to one database; one that does not answer is checked elsewhere."""
    try:
        with database.connect(purpose="check") as session:
            return are_same(session, there)
    except TransientFailure:
        return False


def check(settings: Settings, report: Report) -> None:
    """Look at what can be known before a publication.

    Args:
        settings: The variables.
        report: Where to say it.
    """
    _, warehouse = databases(settings)
    target = external_database(settings)
    try:
        if target:
            report.problems += _misplaced(settings, target)
        for database in filter(None, (warehouse, target)):
            with (
                explained(database.label),
                database.connect(purpose="check") as session,
            ):
                _check_readers(settings, database, session, report)
    except ReplicaError as error:
        if str(error) not in report.problems:
            report.problems.append(str(error))


def _check_readers(
    settings: Settings, database: Database, session: psycopg.Connection, report: Report
) -> None:
    reader = settings.external_reader
    is_where_partners_read = (
        settings.external_database_url is None or database.label != "warehouse"
    )
    if role_exists(session, reader):
        report.notes.append(f"partners read as {reader} in the {database.label}")
    elif is_where_partners_read:
        report.warnings.append(
            f"there is no role {reader} in the {database.label}: nobody may read {_LIVE}; "
            "create it, or name the partners' role in EXTERNAL_READER"
        )
    report.warnings += [
        f"the {database.label}: {sentence}; nothing is published for partners until that is mended"
        for sentence in _beyond(settings, session)[:_MANY]
    ]
