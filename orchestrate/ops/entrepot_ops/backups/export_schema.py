"""The verb `export-schema`: the warehouse's schema, without data, into another database.

A catalogue that reads PostgreSQL's own catalogs can so describe the warehouse without seeing it.
"""

from __future__ import annotations

import re

import click
import psycopg
from psycopg import pq
from pydantic import Field, field_validator

from entrepot_core.backups import client_tools
from entrepot_core.backups.settings import BackupSettings
from entrepot_core.base.errors import Refused, RunFailed
from entrepot_core.base.logs import event
from entrepot_core.base.signals import signals_end_the_run
from entrepot_core.command.help import examples
from entrepot_core.command.settings import load
from entrepot_core.postgres import client_tools as tools
from entrepot_core.postgres.connection import Database, are_same, explained
from entrepot_core.postgres.identifiers import literal, quote
from entrepot_core.warehouse.locks import warehouse_lock

# Objects that are not an extension's: with one of them, `public` is more than what all have.
_OWN = """
EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.relnamespace = n.oid
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))
"""
_SCHEMAS = f"""
SELECT n.nspname::text FROM pg_catalog.pg_namespace AS n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND n.nspname !~ '_(next|previous|landing)$' AND (n.nspname <> 'public' OR {_OWN}) ORDER BY 1
"""
_EXTENSIONS = """
SELECT e.extname::text, n.nspname::text FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
WHERE n.nspname <> 'pg_catalog' ORDER BY 1
"""
# What stands in the target: schemas other than the empty `public` that every database has.
_THERE = f"""
SELECT n.nspname::text,
    coalesce(pg_catalog.obj_description(n.oid, 'pg_namespace'), '') = %s AS is_ours
FROM pg_catalog.pg_namespace AS n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND (n.nspname <> 'public' OR {_OWN})
"""
_MARK = "Made by ops export-schema: what is changed here is lost"
# Of the client's, which only psql reads; and what servers before 17 do not know.
_NOT_SQL = re.compile(r"^\\(?:un)?restrict .*$", re.MULTILINE)
_TOO_NEW = re.compile(r"^SET transaction_timeout = 0;$", re.MULTILINE)
_KNOWS_TRANSACTION_TIMEOUT = 17
_OPTIONS = ["--schema-only", "--no-owner", "--no-privileges", "--no-publications"]


class Settings(BackupSettings):
    """What `export-schema` reads."""

    is_enabled: bool = Field(
        default=False, validation_alias="DB_SCHEMA_EXPORTER_ENABLED"
    )
    target_database_url: str = Field(validation_alias="TARGET_DATABASE_URL")
    export_target: str | None = Field(
        None, validation_alias="DB_SCHEMA_EXPORTER_DATABASE_TARGET"
    )

    @field_validator("export_target")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        try:
            psycopg.conninfo.conninfo_to_dict(value or "")
        except psycopg.ProgrammingError:
            raise ValueError("is not a PostgreSQL URL") from None
        return value


@click.command(
    "export-schema",
    epilog=examples(
        ("export-schema --dry-run", "what would be replaced"),
    ),
)
@click.option(
    "--dry-run", is_flag=True, help="Say what would be replaced, and change nothing."
)
@click.pass_context
def command(context: click.Context, *, dry_run: bool) -> None:
    """Copy the warehouse's schema, without data, to DB_SCHEMA_EXPORTER_DATABASE_TARGET.

    One transaction removes what the last export made there and makes what there is now: tables
    that have vanished vanish, and readers see the old catalogue or the new one. It waits for no
    swap and hits none: it holds the lock of runs. A schema there that it has not made is never
    touched: it refuses.

    Does nothing, and says so, unless DB_SCHEMA_EXPORTER_ENABLED is true.
    """  # noqa: DOC501 -- the docstring is the command's help
    settings = load(Settings, context.obj)
    if not settings.is_enabled:
        event("DB_SCHEMA_EXPORTER_ENABLED is not true: nothing to do")
        return
    if not settings.export_target:
        raise Refused(
            ["DB_SCHEMA_EXPORTER_DATABASE_TARGET is missing: see .env.example"]
        )
    warehouse = Database(
        "warehouse", settings.target_database_url, settings.network_timeout
    )
    target = Database("export target", settings.export_target, settings.network_timeout)
    with signals_end_the_run(), explained("export target"):
        _refuse_same(warehouse, target)
        with warehouse_lock(warehouse) as session:
            schemas = [row[0] for row in session.execute(_SCHEMAS)]
            extensions = session.execute(_EXTENSIONS).fetchall()
            script = _script(settings, warehouse, schemas) if schemas else ""
        _replace(target, schemas, extensions, script, is_dry=dry_run)


def _refuse_same(warehouse: Database, target: Database) -> None:
    with warehouse.connect() as here, target.connect() as there:
        if are_same(here, there):
            raise Refused(
                [
                    "DB_SCHEMA_EXPORTER_DATABASE_TARGET is the warehouse itself: name another"
                ]
            )


def _script(settings: Settings, warehouse: Database, schemas: list[str]) -> str:
    pair = client_tools.usable(settings.pg_bindir, warehouse)[0]
    # A pattern in quotes matches one name exactly.
    chosen = ['--schema="{}"'.format(each.replace('"', '""')) for each in schemas]
    command = [pair.path("pg_dump"), *_OPTIONS, *chosen]
    with tools.reading(command, warehouse.child_environment()) as output:
        return output.read().decode()


def _replace(
    target: Database,
    schemas: list[str],
    extensions: list[tuple[str, str]],
    script: str,
    *,
    is_dry: bool,
) -> None:
    with target.connect(purpose="export", autocommit=False) as session:
        there: dict[str, bool] = dict(session.execute(_THERE, [_MARK]).fetchall())
        if foreign := sorted(
            set(schemas) & {n for n, is_ours in there.items() if not is_ours}
        ):
            raise Refused(
                [
                    f"the export target {target.place} has a schema {name} that export-schema has "
                    "not made: drop it, or name an empty database"
                    for name in foreign
                ]
            )
        ours = [name for name, is_ours in there.items() if is_ours]
        vanished = sorted(set(ours) - set(schemas))
        if is_dry:
            event(f"would replace the schemas {', '.join(schemas)} in {target.place}")
            event(f"would remove: {', '.join(vanished) or 'none'}")
            return
        for name in {*ours, *(["public"] if "public" in schemas else [])}:
            _run(session, f"DROP SCHEMA IF EXISTS {quote(name)} CASCADE")
        for name in schemas:
            _run(session, f"CREATE SCHEMA {quote(name)}")
        _extend(session, extensions)
        _run(session, _as_sql(script, schemas, session.info.server_version // 10000))
        for name in schemas:
            _run(session, f"COMMENT ON SCHEMA {quote(name)} IS {literal(_MARK)}")
    event(
        f"{target.place}: schemas {', '.join(schemas)} as in the warehouse"
        + (f"; removed: {', '.join(vanished)}" if vanished else "")
    )


def _as_sql(script: str, schemas: list[str], major: int) -> str:
    """Leave out what the target cannot read, and the schemas that are there already."""
    script = _NOT_SQL.sub("", script)
    if major < _KNOWS_TRANSACTION_TIMEOUT:
        script = _TOO_NEW.sub("", script)
    for name in schemas:
        line = rf"^CREATE SCHEMA {re.escape(_as_dumped(name))};$"
        script = re.sub(line, "", script, count=1, flags=re.MULTILINE)
    return script


def _as_dumped(name: str) -> str:
    """Spell a name as pg_dump does, in quotes only where SQL wants them."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else quote(name)


def _extend(session: psycopg.Connection, extensions: list[tuple[str, str]]) -> None:
    """Have the extensions whose types and functions tables may use."""
    there: dict[str, str] = dict(session.execute(_EXTENSIONS).fetchall())
    for name, schema in extensions:
        if there.get(name) == schema:
            continue
        advice = f"have extension {name} in schema {schema} of the export target"
        if name in there:
            raise Refused([f"{advice}: it is in {there[name]}"])
        try:
            _run(session, f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
            _run(session, f"CREATE EXTENSION {quote(name)} SCHEMA {quote(schema)}")
        except RunFailed as error:
            raise Refused([f"{advice}: {error}"]) from None


def _run(session: psycopg.Connection, script: str) -> None:
    """Run statements as they are: the protocol that takes several at once."""
    result = session.pgconn.exec_(script.encode())
    if result.status == pq.ExecStatus.FATAL_ERROR:
        message = result.error_message.decode(errors="replace")
        raise RunFailed(
            f"the export target refused the schema: {' '.join(message.split())}; nothing was "
            "changed there"
        )
