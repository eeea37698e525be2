"""The verb `crontab`: the schedules of the Meltano project as lines for cron."""

from __future__ import annotations

import difflib
import os
import shlex
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from entrepot_core.base.errors import Differs, Refused, RunFailed
from entrepot_core.base.logs import event
from entrepot_core.command.help import examples
from entrepot_core.command.settings import load
from entrepot_core.config.project import project_root
from entrepot_ops.meltano import project
from entrepot_ops.schedule import expression as schedule
from entrepot_ops.settings import ScheduleSettings

_LOCALTIME = Path("/etc/localtime")
_HOUR = timedelta(hours=1)


@click.command(
    "crontab",
    epilog=examples(
        ("crontab", "look at the lines"),
        ("crontab --install", "let cron begin the nights"),
        ("crontab --check", "whether the lines are still those"),
    ),
)
@click.option(
    "--check", "action", flag_value="check", help="Compare with what is installed."
)
@click.option(
    "--install", "action", flag_value="install", help="Install or renew our lines."
)
@click.option("--remove", "action", flag_value="remove", help="Remove our lines.")
@click.pass_context
def command(context: click.Context, *, action: str | None) -> None:
    """Print the crontab of the project's schedules; other lines are never touched.

    SCHEDULE takes the place of the night's own time; times are meant in CRON_TZ, whatever the
    machine's zone. Each line keeps the job's exit status, rotates its log in .entrepot/logs, and
    prints, so that cron sends a mail, only when the job failed. `--check` ends with 4 when the
    installed lines differ.
    """
    settings = load(ScheduleSettings, context.obj)
    root = project_root()
    block = render(
        root, settings, machine_zone(), os.environ.get("MELTANO_ENVIRONMENT")
    )
    if action is None:
        click.echo(block, nl=False)
        return
    before = installed()
    others = without_block(before, root)
    if action == "check":
        _compare(before, others, block)
        return
    wanted = others if action == "remove" else _joined(others, block)
    if wanted == before:
        event("the crontab is as it should be")
        return
    _crontab(["-"], wanted)
    event("our lines are removed" if action == "remove" else "the crontab is installed")


def render(
    root: Path, settings: ScheduleSettings, zone: str, environment: str | None
) -> str:
    """Write our lines.

    Args:
        root: The Meltano project's folder.
        settings: SCHEDULE and CRON_TZ.
        zone: The time zone in which cron itself works.
        environment: Meltano's environment; None for the default one.

    Returns:
        The lines with the marks around them.

    Raises:
        Refused: If nothing is scheduled.
    """
    expressions = schedule.expressions(project.read(root), settings)
    if not expressions:
        raise Refused(
            ["nothing is scheduled: set SCHEDULE, or schedules in meltano.yml"]
        )
    first, last = _marks(root)
    lines = [f"{first}: made by `ops crontab --install`, and renewed by it"]
    for job, expression in expressions.items():
        watch = _watch(expression, settings.cron_tz, zone)
        words = [_python(root), "-m", "entrepot_ops.cron", "--project", str(root)]
        words += ["--job", job, "--at", expression, "--zone", settings.cron_tz]
        if watch:
            words += ["--watch", watch]
        if environment:
            words += ["--environment", environment]
        command = shlex.join(words).replace("%", r"\%")  # cron would end the line there
        lines += [
            f"# {job}: {expression} in {settings.cron_tz}",
            f"{watch or expression} {command}",
        ]
    return "\n".join([*lines, last]) + "\n"


def machine_zone() -> str:
    """Find the time zone in which cron works."""
    try:
        target = str(_LOCALTIME.resolve(strict=True))
    except OSError:
        return "UTC"
    name = target.partition("zoneinfo/")[2].removeprefix("posix/")
    return "UTC" if name in ("", "Etc/UTC", "Etc/UCT", "UCT", "Universal") else name


def _watch(expression: str, wanted: str, machine: str) -> str | None:
    """Say when cron should ask whether the job is due; None when it knows by itself."""
    if wanted == machine:
        return None
    if all(_has_whole_hours(zone) for zone in (wanted, machine)):
        return f"{expression.split(maxsplit=1)[0]} * * * *"
    return "* * * * *"


def _has_whole_hours(zone: str) -> bool:
    moments = [
        datetime(2026, month, 1, tzinfo=ZoneInfo(zone)) for month in (1, 4, 7, 10)
    ]
    offsets = [moment.utcoffset() or timedelta() for moment in moments]
    return all(offset % _HOUR == timedelta() for offset in offsets)


def _python(root: Path) -> str:
    """Give the project's Python; the one that runs us when there is none."""
    own = root / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def _marks(root: Path) -> tuple[str, str]:
    return f"# BEGIN entrepot {root}", f"# END entrepot {root}"


def installed() -> str:
    """Read the user's crontab.

    Returns:
        Its text; empty when there is none.
    """
    return _crontab(["-l"])


def is_installed(root: Path) -> bool | None:
    """Say whether cron starts the project's jobs.

    Args:
        root: The project's folder.

    Returns:
        Whether; None where this machine has no crontab, so that something else must start them.
    """
    try:
        text = installed()
    except RunFailed:
        return None
    return _marks(root)[0] in text


def without_block(text: str, root: Path) -> str:
    """Take our lines out of a crontab.

    Args:
        text: The crontab.
        root: The project's folder: another project's lines are not ours.

    Returns:
        All other lines, as they were.

    Raises:
        Refused: If our marks do not match.
    """
    first, last = _marks(root)
    kept: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        bare = line.rstrip("\n")
        if bare == first or bare.startswith(f"{first}:"):
            if inside:
                raise Refused(
                    [f"the crontab has two lines {first!r}, one inside the other"]
                )
            inside = True
        elif bare == last:
            if not inside:
                raise Refused(
                    [f"the crontab has a line {last!r} without its beginning"]
                )
            inside = False
        elif not inside:
            kept.append(line)
    if inside:
        raise Refused(
            [f"the crontab's line {last!r} is missing: add it, or remove ours"]
        )
    return "".join(kept)


def _joined(others: str, block: str) -> str:
    if others and not others.endswith("\n"):
        others += "\n"
    return others + block


def _compare(before: str, others: str, block: str) -> None:
    wanted = _joined(others, block).splitlines(keepends=True)
    difference = "".join(
        difflib.unified_diff(
            before.splitlines(keepends=True), wanted, "installed", "wanted"
        )
    )
    if sorted(before.splitlines()) != sorted(line.rstrip("\n") for line in wanted):
        click.echo(difference, nl=False)
        raise Differs("the crontab is not as it should be", "ops crontab --install")
    event("the crontab is as it should be")


def _crontab(arguments: list[str], text: str | None = None) -> str:
    """Run `crontab`."""
    program = shutil.which("crontab")
    if program is None:
        raise RunFailed(
            "there is no crontab on this machine",
            "install cron, or let your platform's scheduler run `meltano invoke ops nightly`",
        )
    done = subprocess.run(
        [program, *arguments],
        input=text,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
        check=False,
    )
    if done.returncode != 0 and "no crontab for" not in done.stderr:
        raise RunFailed(f"crontab: {' '.join(done.stderr.split())}")
    return done.stdout
