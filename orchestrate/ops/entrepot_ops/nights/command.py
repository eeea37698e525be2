"""The verb `nightly`: a whole night under the lock, recorded and told, whatever happens."""

from __future__ import annotations

import logging
import os
import sys
import time
import traceback
from datetime import datetime, timedelta, timezone
from pathlib import Path

import click

from entrepot_core.base.errors import AnotherRun, Interrupted, ReplicaError
from entrepot_core.base.logs import event
from entrepot_core.base.signals import signals_end_the_run
from entrepot_core.command.help import EXIT_STATUS, examples
from entrepot_core.command.settings import load
from entrepot_core.config import domains, types
from entrepot_core.config.project import project_root
from entrepot_core.postgres.connection import one_line
from entrepot_ops.meltano import plan, project
from entrepot_ops.meltano.plan import Plan
from entrepot_ops.nights.output import OutputLog
from entrepot_ops.nights.recording import Recording
from entrepot_ops.nights.runner import WORDS, Night, Progress, Rules
from entrepot_ops.nights.telling.base import Ending, Teller
from entrepot_ops.nights.telling.choice import choose
from entrepot_ops.notify import heartbeat
from entrepot_ops.notify.command import tell_all
from entrepot_ops.record.lock import NightLock
from entrepot_ops.record.night import LastNight, NightRecord
from entrepot_ops.record.store import Row, Store
from entrepot_ops.report import command as report
from entrepot_ops.report import data as night_data
from entrepot_ops.report import outcome
from entrepot_ops.report.outcome import Outcome
from entrepot_ops.schedule import expression as schedule
from entrepot_ops.settings import NightSettings

_DONE = ("succeeded", "differs")
_LATER = 4  # published, but something after it failed or differed
# A night that seems to begin later than a clock is ever set back was dated by a wrong clock: it
# would be continued for as long as that.
_CLOCK_ERROR = 7200.0  # seconds
_HASTE = 5.0  # seconds for telling receivers when a signal has ended the night


@click.command(
    "nightly",
    short_help="Run a night, or the rest of one that failed.",
    epilog=examples(
        ("night --dry-run", "what a night would do"),
        ("night", "a night, or the rest of one that failed"),
        ("night --fresh --budget 6h", "a new one, of six hours at most"),
        ("night --from transform", "a part of it, whatever had succeeded"),
    )
    + "\n\n"
    + EXIT_STATUS,
)
@click.option("--from", "start", metavar="STEP", help="This step and all after it.")
@click.option(
    "--only", multiple=True, metavar="STEP", help="This step alone; repeatable."
)
@click.option(
    "--fresh", is_flag=True, help="Begin anew, also after an unfinished night."
)
@click.option(
    "--stop-on-failure", is_flag=True, help="Do nothing more once a step failed."
)
@click.option("--budget", metavar="TIME", help="Such as 6h.  [default: NIGHT_BUDGET]")
@click.option(
    "--accept-shrink", is_flag=True, help="Let through what lost most of its rows."
)
@click.option("--dry-run", is_flag=True, help="Show the steps; do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Tell it in lines of JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Show the steps' output too.")
@click.pass_context
def command(
    context: click.Context,
    *,
    start: str | None,
    only: tuple[str, ...],
    fresh: bool,
    stop_on_failure: bool,
    budget: str | None,
    accept_shrink: bool,
    dry_run: bool,
    as_json: bool,
    verbose: bool,
) -> None:
    """Run the steps of the job `nightly`, with retries, a record and notifications.

    A night that failed or was interrupted is continued until the next one is due: steps that
    had succeeded are not done again, unless what they depend on has changed. STEP is a step's
    name, its task or a job's name; `--dry-run` lists them.
    """  # noqa: DOC501 -- the docstring is the command's help
    settings = load(NightSettings, context.obj)
    try:
        given = budget or settings.night_budget
        allowed = types.seconds_of(given) if given else None
    except ValueError as error:
        raise click.UsageError(f"--budget {error}") from None
    root = project_root()
    files = project.read(root)
    chosen = plan.choose(plan.steps_of(files, domains.enabled()), start, only)
    expression = schedule.nightly_expression(files, settings)
    if dry_run:
        show_plan(chosen)
        return
    if accept_shrink:
        os.environ["ACCEPT_SHRINK"] = "true"  # the steps get our environment
    rules = Rules(
        attempts=settings.max_retry_count,
        delay=settings.exponential_retry_delay / 1000,
        deadline=time.monotonic() + allowed if allowed else None,
        budget=given or "",
        stops_on_failure=stop_on_failure,
    )
    runner = _Runner(settings, chosen, rules, expression, fresh=fresh)
    runner.output = OutputLog(settings.work_dir / "logs", "nightly", echo=verbose)
    told = choose(as_json=as_json, verbose=verbose, log_format=context.obj)
    with runner.output.of_the_log(), told as runner.teller:
        sys.exit(runner.run())


def show_plan(chosen: Plan) -> None:
    """Print the steps.

    Args:
        chosen: The plan.
    """
    for place, step in enumerate(chosen.steps, start=1):
        mark = " " if step.name in chosen.wanted else "-"
        click.echo(f"{mark}{place:3}  {step.name}")
        click.echo(f"      meltano {' '.join(step.arguments())}")
        if step.is_source:
            click.echo("      a source: goes on whatever became of the others")
        if step.feeds:
            feeds = ", ".join(step.feeds)
            click.echo(f"      when it fails, models of {feeds} keep the last night")
        if step.needs:
            click.echo(f"      needs {', '.join(step.needs)}")
    click.echo("     then the record is closed, and NOTIFICATIONS and Sentry are told")


class _Runner:
    """A start of a night, from the lock to the last webhook."""

    output: OutputLog
    teller: Teller

    def __init__(
        self,
        settings: NightSettings,
        chosen: Plan,
        rules: Rules,
        expression: str | None,
        *,
        fresh: bool,
    ) -> None:
        self._settings = settings
        self._plan = chosen
        self._rules = rules
        self._expression = expression
        self._fresh = fresh
        self._store = Store(settings.warehouse, settings.connect_budget)
        self._record: NightRecord | None = None
        self._recording: Recording | None = None
        self._progress = Progress()

    def run(self) -> int:
        """Run the night; give the exit status."""
        lock = NightLock(self._settings.warehouse, self._settings.connect_budget)
        try:
            with signals_end_the_run(), lock.held():
                return self._under_lock(lock)
        except AnotherRun:
            raise
        except ReplicaError as error:
            event(one_line(error), logging.ERROR)
            return self._end("failed", one_line(error), error.exit_code)
        finally:
            self.output.close()
            self._store.close()

    def _under_lock(self, lock: NightLock) -> int:
        try:
            self._work(lock)
        except Interrupted as end:
            return self._end("cancelled", one_line(end), end.exit_code)
        except ReplicaError as error:
            event(one_line(error), logging.ERROR)
            return self._end("failed", one_line(error), error.exit_code)
        except Exception as error:
            for line in traceback.format_exc().splitlines():
                self.output.write("ops", line)
            why = f"a fault of ops itself: {type(error).__name__}: {one_line(error)}"
            event(why, logging.ERROR, log=self.output.path)
            return self._end("failed", why, 1)
        return self._end(*_verdict(self._plan, self._progress))

    def _work(self, lock: NightLock) -> None:
        heartbeat.begin(self._settings)
        self._record = record = NightRecord(self._store)
        for one in record.interrupted:
            event(
                f"night {one['night_id']} on {one['host']}, process {one['pid']}, was interrupted"
                f" in step {one['step'] or 'start'}",
                logging.WARNING,
            )
        last = record.last_night()
        earlier: dict[str, Row] | None = None
        if last is not None and self._continues(last):
            event(f"night {last.night_id} {last.status}: it is continued")
            earlier = record.resume(last.night_id)
        else:
            record.begin(self._plan.scope)
        self._recording = recording = Recording(record)
        night = Night(
            self._plan,
            self._rules,
            recording,
            self.output,
            project_root(),
            lock.still,
            self.teller,
        )
        self._progress = night.progress
        night.run(earlier)
        recording.table_sizes()
        recording.changes(project_root(), self._settings.work_dir)

    def _continues(self, last: LastNight) -> bool:
        """Say whether the last night is to be finished, rather than another begun."""
        if self._fresh or last.scope or last.status in _DONE:
            return False
        if last.seconds_ago < -_CLOCK_ERROR:
            return False
        began = datetime.now(timezone.utc) - timedelta(seconds=last.seconds_ago)
        if self._expression is None:
            return last.seconds_ago < 86400
        due = schedule.next_time(self._expression, self._settings.cron_tz, began)
        return due > datetime.now(timezone.utc)

    def _end(self, status: str, message: str | None, exit_status: int) -> int:
        """Close the record, tell everybody; give the exit status."""
        told: Outcome | None = None
        store: Store | None = self._store
        try:
            if self._record is not None and self._record.night_id:
                self._record.close(status, message)
                told = outcome.read(self._store, self._record.night_id)
        except Exception as error:  # whoever is to be told must be told all the same
            event(
                f"the night's end could not be recorded: {one_line(error)}",
                logging.ERROR,
            )
            store, exit_status = None, exit_status or 1
        if told is None:
            store = None
            told = Outcome(
                "failure", status, message or "", failed_steps=self._progress.failed()
            )
        is_news = exit_status and not self.teller.shows_verdict
        level = logging.WARNING if is_news else logging.INFO
        event(f"night {told.night_id or ''} {status}: {told.message}", level)
        self._tell(told, store, in_haste=status == "cancelled")
        report_path = self._report(told.night_id) if store else None
        is_recorded = not (self._recording and self._recording.missing)
        is_whole = is_recorded and (report_path or not store)
        exit_status = exit_status or (0 if is_whole else _LATER)
        ending = Ending(told, exit_status, report_path, self.output.path)
        self.teller.night_ends(ending)
        return exit_status

    def _tell(self, told: Outcome, store: Store | None, *, in_haste: bool) -> None:
        """Tell everybody. Who could not be told makes no good night a bad one."""
        settings = self._settings
        if in_haste:  # whoever sent a signal will not wait for long
            hasty = min(_HASTE, settings.notification_timeout) / 3
            settings = settings.model_copy(update={"notification_timeout": hasty})
        deliveries = tell_all(told, settings, store)
        is_good = told.outcome != "failure"
        is_heard = heartbeat.end(settings, is_good=is_good, message=told.message)
        if self._record and store and (deliveries or settings.heartbeat_url):
            is_told = is_heard and all(d.is_delivered for d in deliveries)
            self._record.alerts("told" if is_told else "not told")

    def _report(self, night: int | None) -> Path | None:
        """Write the page, so that it is there in the morning; None where that failed."""
        try:
            data = night_data.read(self._store, night, None, self._settings.cron_tz)
            path = report.save(data, self._settings, self._settings.work_dir)
        except Exception as error:  # nothing that a page cannot show undoes a night
            event(
                f"the report could not be written: {one_line(error)}", logging.WARNING
            )
            return None
        event(f"the report is in {path}")
        return path


def _verdict(chosen: Plan, progress: Progress) -> tuple[str, str | None, int]:
    """Sum a night up: its status, in one sentence why, and the exit status."""
    statuses = progress.statuses
    failed = progress.failed()
    differing = [n for n, s in statuses.items() if s == "differs"]
    unfinished = [n for n, s in statuses.items() if s in WORDS]
    open_before = [n for n, s in progress.earlier.items() if s not in _DONE]
    if failed or unfinished or open_before:
        parts = [f"{name} failed: {progress.messages[name]}" for name in failed]
        parts += [f"{name} {WORDS[statuses[name]]}" for name in unfinished]
        parts += [f"{name} is still to be done" for name in open_before]
        why = "; ".join(parts)
        sources = {step.name for step in chosen.steps if step.is_source}
        is_published = not sources.intersection([*failed, *unfinished, *open_before])
        return "failed", why, _LATER if is_published else 1
    if differing:
        why = "; ".join(
            f"{n}: {progress.messages.get(n, 'differs')}" for n in differing
        )
        return "differs", why, _LATER
    return "succeeded", None, 0
