"""What a crontab's line runs: `python -m entrepot_ops.cron --project FOLDER --job JOB …`.

cron gives a bare environment and knows one time zone; it mails what a line prints. So this asks
whether the job is due in the wanted zone, keeps the output in a log that is rotated, prints only
when the job failed, and ends with the job's exit status.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from datetime import datetime, timezone
from pathlib import Path

from dotenv import dotenv_values

from entrepot_core.base.errors import Interrupted, ReplicaError
from entrepot_core.base.private import keep_private
from entrepot_core.base.signals import signals_end_the_run
from entrepot_core.command.secrets import hide_environment
from entrepot_ops.meltano import process
from entrepot_ops.meltano.plan import NIGHTLY
from entrepot_ops.nights.output import OutputLog
from entrepot_ops.nights.runner import find_meltano
from entrepot_ops.schedule import expression

_SHOWN = 20  # lines of output in the mail


def main() -> None:
    """Run the job if it is due."""
    given = _parse()
    root = Path(given.project)
    keep_private([root / ".entrepot", root / ".meltano"])
    now = datetime.now(timezone.utc)
    if given.watch and not expression.is_due(given.at, given.zone, given.watch, now):
        return
    try:
        with signals_end_the_run():
            sys.exit(_run(root, given.job, given.environment))
    except (ReplicaError, Interrupted) as error:
        print(f"{given.job}: {error}")
        sys.exit(error.exit_code)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="entrepot_ops.cron", description=__doc__)
    parser.add_argument("--project", required=True, help="the Meltano project's folder")
    parser.add_argument("--job", required=True, help="which job")
    parser.add_argument("--environment", help="which Meltano environment")
    parser.add_argument("--at", required=True, help="when: a cron expression")
    parser.add_argument("--zone", required=True, help="the time zone of --at")
    parser.add_argument(
        "--watch", help="the crontab's own expression, when its zone is another"
    )
    return parser.parse_args()


def _run(root: Path, job: str, environment: str | None) -> int:
    values = {name: value or "" for name, value in dotenv_values(root / ".env").items()}
    hide_environment({**os.environ, **values})
    options = ["--environment", environment] if environment else []
    meltano = [find_meltano(root), *options]
    what = ["invoke", "ops", "nightly"] if job == NIGHTLY else ["run", job]
    log = OutputLog(root / ".entrepot" / "logs", f"cron-{job}")
    variables = {
        # What cron leaves out, and tools need to read and write more than ASCII.
        "LANG": "C.UTF-8",
        "HOME": str(root),
        **os.environ,
        "NO_COLOR": "1",
        "MELTANO_PROJECT_ROOT": str(root),
    }
    try:
        shown: list[str] = []
        ended = process.run(
            [*meltano, *what],
            root,
            variables,
            lambda line: shown.append(log.write(job, line)),
        )
        if ended.status != 0:
            print(f"{job} failed with status {ended.status} on {socket.gethostname()}.")
            print(f"The end of its output; all of it is in {log.path}:\n")
            print("\n".join(shown[-_SHOWN:]), flush=True)
            if job != NIGHTLY:  # which tells everybody itself
                told = ["invoke", "ops", "notify", "--job", job]
                status = ["--exit-status", str(ended.status)]
                process.run(
                    [*meltano, *told, *status],
                    root,
                    variables,
                    lambda line: print(log.write("notify", line)),
                )
        return ended.status
    finally:
        log.close()


if __name__ == "__main__":
    main()
