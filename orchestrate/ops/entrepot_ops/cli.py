"""The `ops` command. Each verb is a module of its own: its file is read when it is called."""

from __future__ import annotations

import importlib
import logging
import sys

import click

from pg_replica import logs
from pg_replica.connection import one_line
from pg_replica.errors import Refused, ReplicaError

_EXIT_STATUS = """\b
Exit status:
  0    done
  1    failed
  2    refused before any work
  3    another night runs, on this machine or another
  4    the new night is published, but something after it failed or differed
  130  ended by SIGINT        143  ended by SIGTERM
"""
# Verb → the module below `entrepot_ops` whose attribute `command` it is.
_VERBS = {
    "nightly": "nightly",
    "status": "status",
    "report": "report",
    "import-log": "import_log",
    "notify": "notify",
    "crontab": "crontab",
    "export-schema": "backups.export_schema",
    "push-dump": "backups.push_dump",
    "metabase-backup": "backups.metabase_backup",
    "metabase-restore": "backups.metabase_restore",
}


class _Verbs(click.Group):
    """Loads a verb when it is called, so that one verb's libraries do not delay another."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        return importlib.import_module(f"entrepot_ops.{_VERBS[cmd_name]}").command


@click.group(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EXIT_STATUS,
)
@click.option(
    "--log-format",
    type=click.Choice(["plain", "json"]),
    help="Lines for people or for machines.  [default: LOG_FORMAT, else plain]",
)
@click.pass_context
def cli(context: click.Context, log_format: str | None) -> None:
    """Run Entrepôt every night, and say in the morning what happened.

    Settings come from environment variables (see .env.example), the steps of the night from the
    job `nightly` of the Meltano project. `ops nightly --dry-run` shows what a night would do.
    """
    logging.raiseExceptions = False  # the reader of our lines may die before us
    context.obj = log_format
    logs.set_up(log_format or "plain")


def main() -> None:
    """Run the command; every failure is one clear message and an exit status."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except Refused as refusal:
        for problem in refusal.problems:
            logs.event(problem, logging.ERROR)
        sys.exit(refusal.exit_code)
    except ReplicaError as error:
        logs.event(one_line(error), logging.ERROR)
        if error.hint:
            logs.event(f"what to do: {error.hint}", logging.ERROR)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
