"""The verb `push-dump`: a whole database as a dump, streamed to S3 or a folder."""

from __future__ import annotations

from contextlib import ExitStack

import click
from pydantic import Field

from entrepot_core.backups import client_tools, dated, places
from entrepot_core.backups.settings import PlaceSettings
from entrepot_core.backups.stream import dumping
from entrepot_core.base.errors import Refused
from entrepot_core.base.logs import event
from entrepot_core.base.signals import signals_end_the_run
from entrepot_core.command.help import examples
from entrepot_core.command.settings import load
from entrepot_core.postgres.connection import Database, explained
from entrepot_core.warehouse.locks import warehouse_lock

_VARIABLES = {"source": "SOURCE_DATABASE_URL", "warehouse": "TARGET_DATABASE_URL"}


class Settings(PlaceSettings):
    """What `push-dump` reads."""

    source_database_url: str | None = Field(
        None, validation_alias="SOURCE_DATABASE_URL"
    )
    target_database_url: str | None = Field(
        None, validation_alias="TARGET_DATABASE_URL"
    )

    def database(self, which: str) -> Database:
        """Find the database.

        Args:
            which: `source` or `warehouse`.

        Returns:
            The database.

        Raises:
            Refused: If its variable is missing.
        """
        urls = {
            "source": self.source_database_url,
            "warehouse": self.target_database_url,
        }
        url = urls[which]
        if not url:
            raise Refused([f"{_VARIABLES[which]} is missing: see .env.example"])
        return Database(which, url, self.network_timeout)

    def where(self, given: str | None) -> str:
        """Find the place.

        Args:
            given: `--to`.

        Returns:
            A folder, or `s3://bucket/prefix`.

        Raises:
            Refused: If there is none.
        """
        if given:
            return given
        if not self.bucket_name:
            raise Refused(
                [
                    "BUCKET_NAME is missing: set it, or say where by --to (s3://… or a folder)"
                ]
            )
        return f"s3://{self.bucket_name}/dumps"


@click.command(
    "push-dump",
    epilog=examples(
        ("push-dump", "the source, to BUCKET_NAME"),
        ("push-dump --of warehouse --to /backups", "the warehouse, to a folder"),
    ),
)
@click.option(
    "--of",
    "which",
    type=click.Choice(list(_VARIABLES)),
    default="source",
    show_default=True,
    help="Which database.",
)
@click.option(
    "--to",
    metavar="PLACE",
    help="s3://bucket/prefix or a folder.  [default: BUCKET_NAME]",
)
@click.option("--dry-run", is_flag=True, help="Say what would be stored and removed.")
@click.pass_context
def command(
    context: click.Context, *, which: str, to: str | None, dry_run: bool
) -> None:
    """Dump a whole database to S3 or a folder, as a stream: nothing of it touches this disk.

    The dump (custom format) appears under its dated name only when it is whole, with its checksum
    beside it. The newest BACKUP_KEEP of the same database stay. To bring one back:
    DUMP_PATH=s3://…/name meltano run full-replication, or pg_restore.

    A dump of the warehouse holds the lock of its runs meanwhile: take it outside the night.
    """
    settings = load(Settings, context.obj)
    database = settings.database(which)
    place = places.of(settings.where(to), settings)
    label = str(database.parts.get("dbname"))
    name = dated.name_now(label)
    if dry_run:
        doomed = dated.too_many([*place.names(), name], label, settings.backup_keep)
        event(f"would store {database.place} as {place.path(name)}")
        for each in doomed:
            event(f"would remove {place.path(each)}")
        return
    place.names()  # a wrong key shows here, before any work
    with signals_end_the_run(), explained(which), ExitStack() as stack:
        if which == "warehouse":
            stack.enter_context(warehouse_lock(database))
        pair = client_tools.usable(settings.pg_bindir, database)[0]
        size = _size(database)
        event(
            f"{which} {database.place}: {size:,} bytes on its disk, to {place.path(name)}"
        )
        dump = stack.enter_context(dumping(pair, database, which))
        places.store_with_sum(place, name, dump, size)
    dated.remove_too_many(place, label, settings.backup_keep, name)


def _size(database: Database) -> int:
    with database.connect(purpose="probe") as session:
        row = session.execute(
            "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())"
        ).fetchone()
    return row[0] if row else 0
