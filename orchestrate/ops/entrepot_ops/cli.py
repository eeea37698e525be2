"""The `ops` command. Each verb is a module of its own: its file is read when it is called.

Packages that are installed beside this one add verbs by the entry point group `entrepot_ops.verbs`.
"""

from __future__ import annotations

import importlib
from importlib.metadata import EntryPoint, entry_points

import click

from entrepot_core.base import logs
from entrepot_core.base.suggest import nearest
from entrepot_core.command import frame, verbs
from entrepot_core.command.help import epilog

# Verb → the module below `entrepot_ops` whose attribute `command` it is, and what it does.
_VERBS = {
    "init": ("init.command", "Write .env, a policy and the administrator's SQL."),
    "nightly": ("nights.command", "Run a night, or the rest of one that failed."),
    "status": (
        "report.status",
        "Show the last nights, the running step, the next run.",
    ),
    "report": ("report.command", "Write what happened in a night, failures first."),
    "import-log": (
        "report.import_log",
        "Record an old pg_restore log, to compare with.",
    ),
    "notify": ("notify.command", "Tell NOTIFICATIONS and Sentry how a night ended."),
    "crontab": ("schedule.crontab", "Print, check, install or remove the crontab."),
    "export-schema": ("backups.export_schema", "Copy the schema, without data."),
    "scaffold": ("scaffold.command", "Write first models of the replica's tables."),
    "push-dump": ("backups.push_dump", "Dump a whole database to S3 or a folder."),
}
# What people say, beside what crontabs and Meltano say.
_ALSO = {"night": "nightly"}
_GROUP = "entrepot_ops.verbs"


def _added() -> dict[str, EntryPoint]:
    """Find the verbs of other packages."""
    return {each.name: each for each in sorted(entry_points(group=_GROUP))}


class _Verbs(click.Group):
    """Loads a verb when it is called, so that one verb's libraries do not delay another."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_VERBS, *_added()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = _ALSO.get(cmd_name, cmd_name)
        if own in _VERBS:
            module = importlib.import_module(f"entrepot_ops.{_VERBS[own][0]}")
            command: click.Command = module.command
            return command
        added = _added()
        if cmd_name not in added:
            known = [*_VERBS, *added]
            ctx.fail(f"there is no verb {cmd_name!r}.{nearest(cmd_name, known)}")
        verb: click.Command = added[cmd_name].load()
        return verb

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        verbs = [(verb, does) for verb, (_, does) in _VERBS.items()]
        added = [(name, verb.load().short_help) for name, verb in _added().items()]
        with formatter.section("Verbs"):
            formatter.write_dl([*verbs, *added])


@click.group(
    cls=_Verbs,
    context_settings=frame.HELP_OPTIONS,
    epilog=epilog("ops"),
)
@frame.log_format_option
@verbs.option
@click.pass_context
def cli(context: click.Context, log_format: str | None) -> None:
    """Run Entrepôt every night, and say in the morning what happened.

    Settings come from environment variables (see .env.example), the steps of the night from the
    job `nightly` of the Meltano project. Each verb has a `--help` of its own, with examples.
    """
    context.obj = log_format
    logs.set_up(log_format or "plain")


def main() -> None:
    """Run the command; every failure is one clear message and an exit status."""
    frame.run(cli, "ops")
