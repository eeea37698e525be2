"""The verb `metabase-restore`: a backup of Metabase's database, back in one transaction."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from entrepot_core.backups import client_tools, places
from entrepot_core.base.errors import Refused, RunFailed
from entrepot_core.base.logs import event
from entrepot_core.base.redaction import redact
from entrepot_core.base.signals import signals_end_the_run
from entrepot_core.command.help import examples
from entrepot_core.command.settings import load
from entrepot_core.postgres import client_tools as tools
from entrepot_core.postgres.connection import Database, explained
from entrepot_core.postgres.explain import of_tool
from entrepot_metabase_backup import archive
from entrepot_metabase_backup.archive import Archive
from entrepot_metabase_backup.database import (
    CHANGES,
    DATABASE,
    MetabaseSettings,
    version,
)

_TOO_NEW = b"SET transaction_timeout = 0;\n"
_KNOWS_TRANSACTION_TIMEOUT = 17
_HEAD = 64 * 1024  # bytes, in which the script's settings are
# Objects of extensions come and go with these.
_TABLES = """
SELECT c.relname::text FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1
"""
_OTHERS = """
SELECT DISTINCT coalesce(nullif(application_name, ''), usename::text, '?')
FROM pg_catalog.pg_stat_activity
WHERE datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid()
AND backend_type = 'client backend'
"""
_EMPTY = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT nspname FROM pg_catalog.pg_namespace
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    LOOP
        EXECUTE pg_catalog.format('DROP SCHEMA %I CASCADE', name);
    END LOOP;
END $$;
CREATE SCHEMA public;
"""
_PATIENCE = "SET lock_timeout = '10s';\n"


@click.command(
    "metabase-restore",
    short_help="Restore such a backup.",
    epilog=examples(
        ("metabase-restore FILE --dry-run", "check FILE, and change nothing"),
        ("metabase-restore FILE", "into an empty database"),
        (
            "metabase-restore FILE --overwrite metabase",
            "over what the database metabase holds",
        ),
    ),
)
@click.argument("backup")
@click.option(
    "--overwrite",
    metavar="DATABASE",
    help="Allow a database that is not empty; repeat its name.",
)
@click.option("--dry-run", is_flag=True, help="Check everything, and change nothing.")
@click.pass_context
def command(
    context: click.Context, *, backup: str, overwrite: str | None, dry_run: bool
) -> None:
    """Restore BACKUP, a file or an s3:// URL, into METABASE_DATABASE_URL.

    Everything goes into one transaction: the database is as before, or as in the backup. Its
    checksum is compared, it must be of Metabase, and neither of a newer PostgreSQL nor, where
    there is a Metabase already, of a newer Metabase. A database that is not empty is refused unless
    --overwrite repeats its name; Metabase must be stopped then.
    """  # noqa: DOC501 -- the docstring is the command's help
    settings = load(MetabaseSettings, context.obj)
    folder, name = backup.rstrip("/").rpartition("/")[::2]
    place = places.of(folder or ".", settings)
    settings.work_dir.mkdir(parents=True, exist_ok=True)
    with (
        signals_end_the_run(),
        settings.database() as database,
        explained(DATABASE),
        tempfile.TemporaryDirectory(dir=settings.work_dir) as scratch,
    ):
        pairs = client_tools.usable(settings.pg_bindir, database)
        file = Path(scratch) / "backup"
        if name not in place.names():
            raise Refused([f"{backup} does not exist"])
        place.fetch(name, file)
        archive.check_sum(place, name, file)
        found = archive.read(file, backup, pairs)
        is_empty = _check(database, found, overwrite)
        what = f"{backup} (Metabase {found.version or '?'}, {found.tables} tables)"
        if dry_run:
            verb = "restore" if is_empty else "replace everything there by"
            event(f"{database.place}: would {verb} {what}")
            return
        _restore(database, found, must_empty=not is_empty)
    event(f"{database.place}: restored from {what}")
    event(
        f"start Metabase {found.version or ''} or newer on it: a newer one upgrades it"
    )


def _check(database: Database, found: Archive, overwrite: str | None) -> bool:
    """Refuse what would harm; say whether the database is empty."""
    major = client_tools.server_major(database)
    if found.server > major:
        raise Refused(
            [
                (
                    f"the backup is of PostgreSQL {found.server}, {database.place} is {major}: "
                    "restore it on a server at least as new"
                )
            ]
        )
    with database.connect(purpose="restore") as session:
        tables = [row[0] for row in session.execute(_TABLES)]
        if not tables:
            return True
        name = str(database.parts.get("dbname"))
        if overwrite != name:
            raise Refused(
                [
                    (
                        f"{database.place} is not empty ({len(tables)} tables: {tables[0]}…): "
                        f"to lose what is there, repeat its name: --overwrite {name}"
                    )
                ]
            )
        if others := [row[0] for row in session.execute(_OTHERS)]:
            raise Refused(
                [f"{database.place} is in use by {', '.join(others)}: stop Metabase"]
            )
        if CHANGES in tables:
            ids = [
                row[0] for row in session.execute(f"SELECT id FROM public.{CHANGES}")
            ]
            _check_version(found.version, version(ids))
    return False


def _check_version(backup: int | None, here: int | None) -> None:
    if backup and here and backup > here:
        raise Refused(
            [
                (
                    f"the backup is of Metabase {backup}, here is Metabase {here}, which cannot "
                    "read it: upgrade Metabase, or restore into an empty database"
                )
            ]
        )


def _restore(database: Database, found: Archive, *, must_empty: bool) -> None:
    """Pour the archive's script into psql, which ends it as one transaction or not at all."""
    psql = shutil.which("psql", path=str(found.pair.folder))
    if psql is None:
        raise Refused([f"there is no psql in {found.pair.folder}: set PG_BINDIR"])
    options = [
        "--no-psqlrc",
        "--quiet",
        "--set=ON_ERROR_STOP=1",
        "--single-transaction",
    ]
    script = [
        *(found.pair.path("pg_restore"), "--no-owner", "--no-privileges"),
        *("--file=-", str(found.file)),
    ]
    prelude = _PATIENCE + (_EMPTY if must_empty else "")
    old = client_tools.server_major(database) < _KNOWS_TRANSACTION_TIMEOUT
    with _psql([psql, *options, "--file=-"], database) as process:
        assert process.stdin is not None
        process.stdin.write(prelude.encode())
        with tools.reading(script) as output:
            head = output.read(_HEAD)
            process.stdin.write(head.replace(_TOO_NEW, b"", 1) if old else head)
            shutil.copyfileobj(output, process.stdin)
        # Only now does psql learn that the script is whole, and commits.
        process.stdin.close()


@contextmanager
def _psql(command: list[str], database: Database) -> Iterator[subprocess.Popen[bytes]]:
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            env=database.child_environment(),
        )
        assert process.stdin is not None
        try:
            yield process
        except BrokenPipeError:
            pass  # it has refused something, and says what
        except BaseException:
            process.kill()
            raise
        finally:
            with suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()
        if process.returncode != 0:
            complaints.seek(0)
            said = of_tool(complaints.read().decode(errors="replace"))
            raise RunFailed(
                f"the backup could not be restored, nothing was changed: {redact(said)[-2000:]}"
            )
