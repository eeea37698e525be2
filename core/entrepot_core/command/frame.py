"""The frame of every command: its log, and each failure as one message and an exit status."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import click
import psycopg

from entrepot_core.base import logs, started
from entrepot_core.base.errors import Interrupted, Refused, ReplicaError
from entrepot_core.base.part import part
from entrepot_core.base.private import keep_private
from entrepot_core.config.project import project_root
from entrepot_core.postgres import explain
from entrepot_core.postgres.connection import one_line

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
log_format_option = click.option(
    "--log-format",
    type=click.Choice(["plain", "json"]),
    help="Lines for people or for machines.  [default: LOG_FORMAT, else plain]",
)


def run(command: click.Command, name: str) -> None:
    """Run a command and end the process with its exit status.

    Args:
        command: The command, or its group of verbs.
        name: Which part of Entrepôt it is; its database sessions bear the name.
    """
    part.name = name
    explain.install()
    keep_private(_work_folders())
    logging.raiseExceptions = False  # the reader of our lines may die before us
    try:
        command(
            prog_name=started.name(),
            standalone_mode=False,
        )
    except click.ClickException as error:
        error.show()
        sys.exit(Refused.exit_code)
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
    except psycopg.Error as error:
        logs.event(one_line(error, of_rows=True), logging.ERROR)
        sys.exit(1)
    except Interrupted as end:
        logs.event(one_line(end), logging.ERROR)
        sys.exit(end.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)


def _work_folders() -> list[Path]:
    root = project_root()
    work_dir = os.environ.get("WORK_DIR")
    return [Path(work_dir) if work_dir else root / ".entrepot", root / ".meltano"]
