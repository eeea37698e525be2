"""Everything that can be known before work starts, all problems at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from entrepot_core.base.errors import Refused, TransientFailure
from entrepot_core.base.suggest import nearest
from entrepot_core.config import retired
from entrepot_core.policy import tables as policy
from entrepot_core.postgres import catalog
from entrepot_core.postgres import client_tools as tools
from entrepot_core.postgres.connection import Database, are_same, one_line
from entrepot_core.postgres.identifiers import PUBLIC
from entrepot_core.postgres.server import major, role_exists
from entrepot_core.warehouse.schemas import Naming
from pg_replica.databases import OLDEST_WAREHOUSE, databases
from pg_replica.dump import providers
from pg_replica.dump.providers.provider import Provider, newest
from pg_replica.preflight.policy import policy_problems
from pg_replica.preflight.report import Report
from pg_replica.settings import Settings
from pg_replica.warehouse import objects

_MANY = 10
_OLDEST_SOURCE = 12


def check(settings: Settings) -> Report:
    """Run every check.

    Args:
        settings: The variables, valid each by itself.

    Returns:
        What was found.
    """
    report = Report()
    source, warehouse = databases(settings)
    report.policy_text, problems = policy.read(
        settings.tables_file, settings.backup_mode
    )
    report.problems += problems
    report.notes += retired.notes(os.environ)
    target_session = _connect(warehouse, report)
    source_session = _connect(source, report) if source else None
    try:
        _check_tools(settings, source, source_session, target_session, report)
        if target_session:
            with _problems_of("warehouse", report):
                _check_warehouse(settings, target_session, report)
        if source_session:
            with _problems_of("source", report):
                _check_source(settings, source_session, report)
        if source_session and target_session:
            with _problems_of("source or the warehouse", report):
                _check_pair(source_session, target_session, report)
        if settings.mode == "archive":
            _check_dump_path(settings, report)
    finally:
        for session in (source_session, target_session):
            if session:
                session.close()
    return report


@contextmanager
def _problems_of(label: str, report: Report) -> Iterator[None]:
    """Make a problem of whatever a server refuses, a table locked by a deploy for one."""
    try:
        yield
    except psycopg.Error as error:
        report.problems.append(f"the {label}: {one_line(error)}")


def _connect(database: Database, report: Report) -> psycopg.Connection | None:
    try:
        session = database.connect(purpose="check")
    except TransientFailure as error:
        report.problems.append(str(error))
        return None
    version = session.info.server_version
    report.notes.append(
        f"{database.label}: {database.place}, PostgreSQL {version // 10000}.{version % 10000}"
    )
    return session


def _check_tools(
    settings: Settings,
    source: Database | None,
    source_session: psycopg.Connection | None,
    target_session: psycopg.Connection | None,
    report: Report,
) -> None:
    found = tools.find(settings.pg_bindir)
    servers = [
        major(session) for session in (source_session, target_session) if session
    ]
    newest = max(servers, default=0)
    report.tools = [pair for pair in found if pair.major >= newest]
    if source is not None:
        report.tools = [
            pair for pair in report.tools if tools.can_connect(pair, source)
        ]
    if report.tools:
        chosen = report.tools[0]
        report.notes.append(
            f"client tools: PostgreSQL {chosen.major} in {chosen.folder}"
        )
        return
    report.problems.append(tools.not_found(found, settings.pg_bindir, newest))


def _check_warehouse(
    settings: Settings, session: psycopg.Connection, report: Report
) -> None:
    _check_version(session, "warehouse", OLDEST_WAREHOUSE, report)
    row = session.execute(
        "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),"
        " pg_catalog.has_schema_privilege('public', 'CREATE'), r.rolsuper, current_user::text,"
        " pg_catalog.current_database()::text FROM pg_catalog.pg_roles AS r"
        " WHERE r.rolname = current_user"
    ).fetchone()
    assert row is not None
    may_create, may_land, is_superuser, user, database = row
    if not may_create:
        report.problems.append(
            f"role {user} may not create schemas in database {database}: "
            f'make it the owner (ALTER DATABASE "{database}" OWNER TO "{user}")'
        )
    if not may_land:
        report.problems.append(
            f"role {user} may not create tables in schema public of database {database}: "
            f'make it the database\'s owner, or GRANT CREATE ON SCHEMA public TO "{user}"'
        )
    if is_superuser:
        report.warnings.append(
            f"role {user} is a superuser of the warehouse; an ordinary role that owns the "
            "database is enough, and can break less"
        )
    _check_landing(session, report)
    if not role_exists(session, settings.internal_reader):
        report.warnings.append(
            f"there is no role {settings.internal_reader}: nobody is granted the right to read; "
            "create it, or name the readers' role in INTERNAL_READER"
        )


def _check_landing(session: psycopg.Connection, report: Report) -> None:
    """Accept what our own unfinished runs left, and nothing else."""
    found = objects.list_objects(session, [PUBLIC])
    if not found:
        return
    user = session.info.user
    theirs = [item for item in found if item.owner and item.owner != user]
    if not theirs and _has_unclean_run(session):
        report.notes.append(
            "the landing holds what an unfinished run left: it will be emptied"
        )
        return
    listed = ", ".join(str(item) for item in (theirs or found)[:_MANY])
    report.problems.append(
        f"schema public, the landing, holds {len(theirs or found)} objects that no run of ours "
        f"left ({listed}): move them to another schema, or drop them"
    )


def _has_unclean_run(session: psycopg.Connection) -> bool:
    row = session.execute("SELECT to_regclass('entrepot_ops.runs')").fetchone()
    if row is None or row[0] is None:
        return False
    query = "SELECT true FROM entrepot_ops.runs WHERE landing <> '{}' LIMIT 1"
    return session.execute(query).fetchone() is not None


def _check_version(
    session: psycopg.Connection, label: str, oldest: int, report: Report
) -> None:
    if major(session) < oldest:
        report.problems.append(
            f"the {label} is PostgreSQL {major(session)}; {oldest} is the oldest supported"
        )


def _check_source(
    settings: Settings, session: psycopg.Connection, report: Report
) -> None:
    _check_version(session, "source", _OLDEST_SOURCE, report)
    assert report.policy_text is not None
    columns = catalog.table_columns(session)
    tables = catalog.tables(session)
    resolved = report.policy_text.resolve(columns)
    report.problems += resolved.problems
    report.problems += policy_problems(resolved, tables, settings)
    copied = [table for table in tables if resolved.rule(table.name).mode == "full"]
    if unreadable := [str(table.name) for table in copied if not table.readable]:
        report.problems.append(
            f"the source's role may not read {len(unreadable)} tables "
            f"({', '.join(unreadable[:_MANY])}): GRANT SELECT, or give them mode none"
        )
    if hidden := [str(table.name) for table in copied if table.row_security]:
        report.problems.append(
            f"row security hides rows of {', '.join(hidden[:_MANY])} from the source's role: "
            "use the tables' owner, or a role with BYPASSRLS"
        )
    schemas = [
        row[0]
        for row in session.execute(
            f"SELECT nspname FROM pg_catalog.pg_namespace AS n WHERE {catalog.USER_SCHEMAS}"
        )
    ]
    report.problems += Naming(settings.replica_schema).problems(schemas)
    _estimate(session, sum(table.size for table in copied), report)


def _estimate(session: psycopg.Connection, rows: int, report: Report) -> None:
    """Say what the night needs; no ordinary role can ask a server for its free disk."""
    row = session.execute(
        "SELECT coalesce(sum(pg_catalog.pg_indexes_size(c.oid)), 0) FROM pg_catalog.pg_class AS c"
        " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        f" WHERE c.relkind = 'r' AND {catalog.USER_SCHEMAS}"
    ).fetchone()
    indexes = int(row[0]) if row else 0
    report.notes.append(
        f"the warehouse needs about {(rows + indexes) / 1e9:.2f} GB beside the live night "
        f"(rows {rows / 1e9:.2f}, indexes {indexes / 1e9:.2f}), and the same again for the "
        "previous night until the transformations have passed"
    )


_EXTENSIONS = (
    "SELECT extname::text FROM pg_catalog.pg_extension"
    " WHERE extname <> 'plpgsql' ORDER BY 1"
)


def _check_pair(
    source: psycopg.Connection, target: psycopg.Connection, report: Report
) -> None:
    if are_same(source, target):
        report.problems.append(
            "TARGET_DATABASE_URL is the same database as SOURCE_DATABASE_URL: the warehouse must "
            "be another one"
        )
    wanted = [row[0] for row in source.execute(_EXTENSIONS)]
    installed = {row[0] for row in target.execute(_EXTENSIONS)}
    available = dict(
        target.execute(
            "SELECT name::text, bool_or(trusted OR NOT superuser)"
            " FROM pg_catalog.pg_available_extension_versions GROUP BY 1"
        ).fetchall()
    )
    tolerated = report.policy_text.tolerated if report.policy_text else frozenset()
    for name in wanted:
        if name in installed or f"EXTENSION {name}" in tolerated:
            continue
        if name not in available:
            report.problems.append(
                f"extension {name} of the source is not available on the warehouse's server: "
                f"install its package, or add 'EXTENSION {name}' to tolerated_items if no "
                f"replicated object needs it{nearest(name, list(available))}"
            )
        elif not available[name]:
            report.problems.append(
                f"extension {name} needs a superuser to create it on the warehouse: have one run "
                f"CREATE EXTENSION {name} SCHEMA public, once"
            )


def _check_dump_path(settings: Settings, report: Report) -> None:
    place = settings.dump_path or ""
    if provider := providers.of(place):
        _check_provider(provider, report)
    elif place.startswith(("http://", "https://", "s3://")):
        report.notes.append("the dump is looked at when it has been fetched")
        if place.startswith("s3://") and not (
            settings.s3_access_key and settings.s3_secret_key
        ):
            report.problems.append(
                "ACCESS_KEY and SECRET_KEY are needed for an s3 DUMP_PATH"
            )
    elif not Path(place).exists():
        report.problems.append(f"DUMP_PATH: {place} does not exist")
    free = shutil.disk_usage(_nearest_folder(settings.work_dir)).free
    report.notes.append(
        f"{settings.work_dir}: {free / 1e9:.1f} GB free for fetching and unpacking"
    )


def _check_provider(provider: Provider, report: Report) -> None:
    """Ask for the list of backups; a provider that is down may be up when the night comes."""
    try:
        report.notes.append(f"{provider.label}: {newest(provider.backups())}")
    except Refused as refusal:
        report.problems += refusal.problems
    except TransientFailure as failure:
        report.warnings.append(str(failure))


def _nearest_folder(path: Path) -> Path:
    return next(folder for folder in [path, *path.resolve().parents] if folder.is_dir())
