"""The verb `scaffold`: first models of a replica, and later what a migration changes."""

from __future__ import annotations

import os

import click
import psycopg
from pydantic import Field

from entrepot_core.base.errors import Refused
from entrepot_core.base.text import visible_lines
from entrepot_core.command.help import EXIT_STATUS, examples
from entrepot_core.command.settings import load
from entrepot_core.config import domains, local, second_source
from entrepot_core.config.project import project_root
from entrepot_core.postgres.connection import explained
from entrepot_ops.scaffold import catalog, example, names, staging
from entrepot_ops.scaffold.proposal import Scaffold
from entrepot_ops.settings import WarehouseSettings

_SHOWN = 400  # lines of differences; the rest is counted
_SAYS = {
    "new": "new",
    "changed": "changed",
    "merged": "changed, beside your edits",
    "gone": "its table has gone",
    "by hand": "yours: change it by hand, nothing is written",
}


class Settings(WarehouseSettings):
    """What `scaffold` reads."""

    replica_schema: str = Field("pix", validation_alias="REPLICA_SCHEMA")


@click.command(
    "scaffold",
    epilog=examples(
        ("scaffold", "models of all tables of the replica, in local/<REPLICA_SCHEMA>"),
        ("scaffold shop --table 'order*' --table sales.*", "of some tables"),
        ("scaffold", "after a migration: what would change"),
        ("scaffold --accept", "and write it"),
    )
    + "\n\n"
    + EXIT_STATUS,
)
@click.argument("domain", required=False)
@click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="PATTERN",
    help="These tables: name or schema.name, with * and ?; repeatable.",
)
@click.option("--accept", is_flag=True, help="Write what is proposed.")
@click.option(
    "--example/--no-example",
    "with_example",
    default=True,
    help="With a model of enrichment, and a table for partners.",
)
@click.pass_context
def command(
    context: click.Context,
    *,
    domain: str | None,
    tables: tuple[str, ...],
    accept: bool,
    with_example: bool,
) -> None:
    """Write sources and staging models of the replica's tables into `local/DOMAIN`.

    The first time they are written; later the differences are shown, and written with `--accept`.
    What you have edited is never overwritten: where your edits and a change meet, the change is
    shown as a patch. DOMAIN is a domain of yours, REPLICA_SCHEMA by default.
    """
    settings = load(Settings, context.obj)
    name = domain or names.snake(settings.replica_schema)
    schema = _schema_of(name, settings)
    scaffold = Scaffold.read(project_root() / local.FOLDER / name)
    scaffold.patterns = list(tables) or scaffold.patterns
    with (
        explained("warehouse"),
        settings.warehouse.connect(purpose="scaffold") as session,
    ):
        wanted = _files(session, schema, name, scaffold, with_example=with_example)
    changes = list(scaffold.changes(wanted))
    place = f"{local.FOLDER}/{name}"
    for change in changes:
        click.echo(f"{place}/{change.path}: {_SAYS[change.what]}")
    if scaffold.is_first or accept:
        scaffold.accept(changes, wanted)
        _say_next(name, len(changes))
        return
    if not changes:
        click.echo(f"{place} is what the replica's tables ask for")
        return
    _show("".join(change.difference for change in changes))
    click.echo(f"nothing is written: `scaffold {name} --accept` does it")


def _schema_of(name: str, settings: Settings) -> str:
    """Give the schema of the replica that a domain's models read."""
    if name in domains.ALL:
        raise Refused(
            [f"{name} is a domain of the project: name one of yours: scaffold DOMAIN"]
        )
    if not local.is_name(name):
        raise Refused(
            [
                f"{name!r} is no name of a domain: small letters, digits and _, a letter first"
            ]
        )
    found = domains.everything().get(name)
    if found is not None and found.is_database:
        variable = second_source.prefixed(name, "REPLICA_SCHEMA")
        return os.environ.get(variable) or name
    return settings.replica_schema


def _files(
    session: psycopg.Connection,
    schema: str,
    name: str,
    scaffold: Scaffold,
    *,
    with_example: bool,
) -> dict[str, str]:
    """Write every file as it would be today."""
    replica = catalog.read(session, schema, scaffold.patterns)
    found = staging.models(replica, name, scaffold.names)
    scaffold.names |= {
        staging.written(model.table.name, schema): model.source_table for model in found
    }
    folder = f"models/staging/{name}"
    files = {f"{folder}/{m.name}.sql": staging.sql(m, replica.keywords) for m in found}
    if found:
        listed = staging.sources(
            replica, found, lambda table, each: catalog.newest(session, table, each)
        )
        files[f"{folder}/_{name}__sources.yml"] = listed
        files[f"{folder}/_{name}__models.yml"] = staging.properties(found)
    if with_example:
        files |= example.files(name, found)
    return files


def _say_next(name: str, count: int) -> None:
    click.echo(f"{count} files in {local.FOLDER}/{name}")
    # The folder may be new, so that what was read of the domains does not know it.
    if name not in (os.environ.get("DOMAINS") or "").replace(" ", "").split(","):
        click.echo(f"switch it on: {name} in DOMAINS, in .env")
    click.echo("build it: meltano invoke dbt:build, or the next night")


def _show(text: str) -> None:
    lines = visible_lines(text).splitlines()
    for line in lines[:_SHOWN]:
        click.echo(line)
    if len(lines) > _SHOWN:
        click.echo(f"… and {len(lines) - _SHOWN} lines more")
