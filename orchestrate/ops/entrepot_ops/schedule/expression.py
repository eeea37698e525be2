"""When nights begin: cron expressions in a time zone."""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from cronsim import CronSim

from entrepot_core.base.errors import Refused
from entrepot_ops.meltano.plan import NIGHTLY
from entrepot_ops.meltano.project import Project
from entrepot_ops.settings import ScheduleSettings, check_expression


def nightly_expression(project: Project, settings: ScheduleSettings) -> str | None:
    """Give the cron expression of nights.

    Args:
        project: Its schedule of the job `nightly` counts, unless SCHEDULE is set.
        settings: SCHEDULE.

    Returns:
        The expression; None when nights never begin by themselves.
    """
    if settings.schedule:
        return settings.schedule
    found = [s.interval for s in project.schedules if s.job == NIGHTLY and s.interval]
    return found[0] if found else None


def expressions(project: Project, settings: ScheduleSettings) -> dict[str, str]:
    """Give the cron expressions of all jobs that have a schedule.

    Args:
        project: The Meltano project.
        settings: SCHEDULE.

    Returns:
        Expressions by job.

    Raises:
        Refused: If one is malformed or of an unknown job.
    """
    found: dict[str, str] = {}
    problems = []
    for schedule in project.schedules:
        if schedule.interval is None:
            continue
        if schedule.job not in project.jobs:
            problems.append(f"schedule {schedule.name}: no job {schedule.job!r}")
            continue
        expression = schedule.interval
        if schedule.job == NIGHTLY and settings.schedule:
            expression = settings.schedule
        try:
            check_expression(expression)
        except ValueError as error:
            problems.append(f"schedule {schedule.name}: the interval {error}")
        found[schedule.job] = expression
    if settings.schedule and NIGHTLY not in found:
        found[NIGHTLY] = settings.schedule
    if problems:
        raise Refused(problems)
    return found


def next_time(expression: str, zone: str, after: datetime) -> datetime:
    """Find the next time.

    Args:
        expression: When.
        zone: The time zone that it is meant in.
        after: With any time zone.

    Returns:
        The time, in that zone. An hour that the clocks skip is made up for, one that comes twice
        counts once, as cron does it.
    """
    return next(CronSim(expression, after.astimezone(ZoneInfo(zone))))


def last_time(expression: str, zone: str, before: datetime) -> datetime:
    """Find the last time, at or before a moment.

    Args:
        expression: When.
        zone: The time zone that it is meant in.
        before: With any time zone.

    Returns:
        The time, in that zone.
    """
    days = 1
    while True:
        # Forwards, since backwards cronsim knows less of the clocks' changes.
        start = datetime.fromtimestamp(
            before.timestamp() - days * 86400, timezone.utc
        ).astimezone(ZoneInfo(zone))
        found = None
        for moment in CronSim(expression, start):
            if moment > before:
                break
            found = moment
        if found is not None:
            return found
        days *= 4


def is_due(expression: str, zone: str, watch: str, now: datetime) -> bool:
    """Say whether a job should start, when asked at regular times.

    Args:
        expression: When it should.
        zone: The time zone that this is meant in.
        watch: The cron expression of the times at which this is asked, in any whole-hour zone.
        now: The present.

    Returns:
        Whether one of its times has come since we were last asked.
    """
    minute = now.astimezone(timezone.utc).replace(second=0, microsecond=0)
    asked = next(CronSim(watch, minute, reverse=True))
    return last_time(expression, zone, minute) > asked
