"""The verb `metabase-backup`: Metabase's own database, to a dated file or object."""

from __future__ import annotations

import click
import psycopg

from entrepot_core.backups import client_tools, dated, places
from entrepot_core.backups.stream import dumping
from entrepot_core.base.errors import Refused
from entrepot_core.base.logs import event
from entrepot_core.base.signals import signals_end_the_run
from entrepot_core.command.help import examples
from entrepot_core.command.settings import load
from entrepot_core.postgres.connection import Database, explained
from entrepot_metabase_backup.database import (
    CHANGES,
    DATABASE,
    LABEL,
    MetabaseSettings,
    version,
)


@click.command(
    "metabase-backup",
    short_help="Back up Metabase's database.",
    epilog=examples(
        ("metabase-backup --to /backups", "to a folder"),
    ),
)
@click.option(
    "--to",
    metavar="PLACE",
    help="s3://bucket/prefix or a folder.  [default: METABASE_BACKUPS, else WORK_DIR/metabase]",
)
@click.option("--dry-run", is_flag=True, help="Say what would be stored and removed.")
@click.pass_context
def command(context: click.Context, *, to: str | None, dry_run: bool) -> None:
    """Back up Metabase's application database: questions, dashboards, users, permissions.

    Metabase may go on running. The backup gets its dated name only when it is whole, with its
    checksum beside it; the newest BACKUP_KEEP stay. With METABASE_KUBE_POD the database is reached
    by `kubectl port-forward`.
    """
    settings = load(MetabaseSettings, context.obj)
    place = places.of(to or settings.where, settings)
    name = dated.name_now(LABEL)
    there = place.names()
    with signals_end_the_run(), settings.database() as database, explained(DATABASE):
        made_by, size = _look(database)
        event(
            f"{database.place}: Metabase {made_by or 'of an unknown version'}, {size:,} bytes on "
            f"its disk, to {place.path(name)}"
        )
        if dry_run:
            for each in dated.too_many([*there, name], LABEL, settings.backup_keep):
                event(f"would remove {place.path(each)}")
            return
        pair = client_tools.usable(settings.pg_bindir, database)[0]
        with dumping(pair, database, LABEL) as dump:
            places.store_with_sum(place, name, dump, size)
    dated.remove_too_many(place, LABEL, settings.backup_keep, name)


def _look(database: Database) -> tuple[int | None, int]:
    """Find Metabase's version and the database's size in bytes.

    Returns:
        The version, None if it is not noted, and the bytes.

    Raises:
        Refused: If Metabase does not keep its data there.
    """
    with database.connect(purpose="backup") as session:
        try:
            ids = [
                row[0] for row in session.execute(f"SELECT id FROM public.{CHANGES}")
            ]
        except psycopg.errors.UndefinedTable:
            raise Refused(
                [
                    (
                        f"METABASE_DATABASE_URL: {database.place} has no table {CHANGES}: "
                        "Metabase's application database is meant, not the warehouse that it shows"
                    )
                ]
            ) from None
        row = session.execute(
            "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())"
        ).fetchone()
    return version(ids), row[0] if row else 0
