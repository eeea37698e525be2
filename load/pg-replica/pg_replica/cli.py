"""The `pg-replica` command."""

from __future__ import annotations

import click

from entrepot_core.base import logs
from entrepot_core.base.errors import Refused
from entrepot_core.base.redaction import redact
from entrepot_core.base.text import visible, visible_lines
from entrepot_core.command import frame, verbs
from entrepot_core.command.help import epilog
from entrepot_core.config import domains, second_source
from pg_replica.audit.command import audit
from pg_replica.commands import drop_previous, preview
from pg_replica.commands.run import run
from pg_replica.external import publish
from pg_replica.preflight import second_sources
from pg_replica.preflight.checks import check
from pg_replica.preflight.domains import check_domains
from pg_replica.preflight.variables import load, load_in_part
from pg_replica.settings import Settings


@click.group(context_settings=frame.HELP_OPTIONS, epilog=epilog("pg-replica"))
@frame.log_format_option
@verbs.option
@click.pass_context
def cli(context: click.Context, log_format: str | None) -> None:
    """Replicate a whole PostgreSQL database into a warehouse that is never empty.

    Settings come from environment variables (see .env.example), the table policy from
    extract/tables.yml. Begin with `check`: it changes nothing and lists every problem at once.
    """
    context.obj = log_format


def _settings(context: click.Context, *, needs_source: bool = True) -> Settings:
    logs.set_up(context.obj or "plain")
    settings = load(needs_source=needs_source)
    logs.set_up(context.obj or settings.log_format)
    return settings


def _is_off() -> bool:
    """Say whether there is no replica here, as where only files are gathered."""
    wanted = domains.replicated()
    if domains.enabled() & wanted:
        return False
    logs.event(f"DOMAINS has none of {', '.join(sorted(wanted))}: nothing to do")
    return True


@cli.command("check")
@click.pass_context
def check_command(context: click.Context) -> None:
    """Look at everything that can be known before a night, and change nothing."""
    logs.set_up(context.obj or "plain")
    settings, wrong = load_in_part()
    if settings is None:
        raise Refused(wrong)
    logs.set_up(context.obj or settings.log_format)
    report = check(settings)
    report.problems[:0] = wrong
    publish.check(settings, report)
    check_domains(settings, report)
    for note in report.notes:
        click.echo(f"  ok       {visible(redact(note))}")
    for warning in report.warnings:
        click.echo(f"  warning  {visible(redact(warning))}")
    problems = report.problems + second_sources.check()
    if problems:
        raise Refused(problems)
    click.echo("Nothing stands in the way of a night.")


@cli.command("run")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Do what `check` does, say which way each table would go, and stop there.",
)
@click.option(
    "--accept-shrink", is_flag=True, help="Publish also what lost most of its rows."
)
@click.option("--full", is_flag=True, help="Copy everything, whatever has changed.")
@click.pass_context
def run_command(
    context: click.Context, *, dry_run: bool, accept_shrink: bool, full: bool
) -> None:
    """Replicate the source (or the dump in DUMP_PATH), verify it, and publish it.

    Readers see the previous night until the new one is complete; a failure leaves them there.
    """
    if dry_run:
        context.invoke(check_command)
        settings = _settings(context)
        for line in preview.lines(settings, full=full):
            click.echo(visible(redact(line)))
        return
    if _is_off():
        return
    settings = _settings(context)
    if accept_shrink:
        settings = settings.model_copy(update={"accept_shrink": True})
    run(settings, full=full)


@cli.command("propose")
@click.option(
    "--accept",
    multiple=True,
    is_flag=False,
    flag_value="*",
    metavar="[TABLE|TABLE.COLUMN]",
    help="Write into the policy: all, or what is named.",
)
@click.option(
    "--keep",
    multiple=True,
    metavar="TABLE|TABLE.COLUMN",
    help="Write that it is brought as it is, and never propose it again.",
)
@click.option("--no-samples", is_flag=True, help="Names and statistics, no row.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_context
def propose_command(
    context: click.Context,
    *,
    accept: tuple[str, ...],
    keep: tuple[str, ...],
    no_samples: bool,
    as_json: bool,
) -> None:
    """Propose a table policy: personal columns, append tables, tables to leave out.

    A diff of the policy, each line with its reason and how sure it is; on a terminal each line is
    asked for. Nothing is written unless it is accepted, and no value of a row is shown.
    """
    from pg_replica.commands import propose

    settings = _settings(context)
    choice = propose.Choice(accept, keep, not no_samples, as_json)
    propose.propose(settings, choice)


@cli.command("audit")
@click.option(
    "--all", "everything", is_flag=True, help="All rows, not tonight's slice."
)
@click.option("--table", "only", help="This table only, by its name in the policy.")
@click.option("--dry-run", is_flag=True, help="Compare and report; repair nothing.")
@click.pass_context
def audit_command(
    context: click.Context, *, everything: bool, only: str | None, dry_run: bool
) -> None:
    """Compare append tables with the source by range, and repair the ranges that differ.

    Each night a slice, so that every row is compared once in AUDIT_DAYS. The exit status is 4
    when anything differed, repaired or not.
    """
    if _is_off():
        return
    audit(_settings(context), everything=everything, dry_run=dry_run, only=only)


@cli.command("publish-external")
@click.option("--dry-run", is_flag=True, help="Only say what would be published.")
@click.option(
    "--accept-shrink", is_flag=True, help="Publish also what lost most of its rows."
)
@click.pass_context
def publish_external_command(
    context: click.Context, *, dry_run: bool, accept_shrink: bool
) -> None:
    """Publish the tables that the last whole build made for partners.

    By one rename of schemas; with EXTERNAL_DATABASE_URL also in that database, where they are
    copied and compared first. A failure leaves readers on the previous night.
    """
    settings = _settings(context, needs_source=False)
    if accept_shrink:
        settings = settings.model_copy(update={"accept_shrink": True})
    publish.publish_external(settings, dry_run=dry_run)


@cli.command("drop-previous")
@click.option(
    "--dry-run", is_flag=True, help="Only list the schemas that would be dropped."
)
@click.pass_context
def drop_previous_command(context: click.Context, *, dry_run: bool) -> None:
    """Drop the previous night, once the transformations have passed.

    What somebody still reads, or built upon, is kept, reported, and tried again the next time.
    """
    settings = _settings(context, needs_source=False)
    if dry_run:
        for schema in drop_previous.retired(settings):
            click.echo(visible(schema))
        return
    drop_previous.drop_previous(settings)


@cli.command("status")
@click.option("--runs", default=10, show_default=True, help="How many runs to list.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_context
def status_command(context: click.Context, *, runs: int, as_json: bool) -> None:
    """Show the last runs, the one under way, and what the newest found."""
    from rich.console import Console

    from pg_replica.commands import status

    found = status.read(_settings(context), runs)
    if as_json:
        click.echo(visible_lines(redact(status.as_json(found))))
    else:
        status.show(found, Console())


def main() -> None:
    """Run the command; every failure is one clear message and an exit status."""
    second_source.take_up()
    frame.run(cli, "pg-replica")
