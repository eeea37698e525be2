from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from entrepot_core.config.types import seconds_of
from entrepot_ops.schedule import expression as schedule
from entrepot_ops.settings import check_expression

PARIS = "Europe/Paris"


def asked(expression: str, watch: str, first: datetime, hours: int) -> list[datetime]:
    """Ask at every minute at which a cron in UTC would; give when the answer was yes."""
    moments = (first + timedelta(minutes=n) for n in range(60 * hours))
    fields = watch.split(maxsplit=1)[0]
    return [
        moment
        for moment in moments
        if fields == "*" or moment.minute in {int(n) for n in fields.split(",")}
        if schedule.is_due(expression, PARIS, watch, moment)
    ]


@pytest.mark.parametrize(
    ("expression", "watch"),
    [("30 2 * * *", "30 * * * *"), ("30 2 * * *", "* * * * *")],
)
@pytest.mark.parametrize(
    "day",
    [
        "2026-03-28",
        "2026-03-29",
        "2026-03-30",
        "2026-10-24",
        "2026-10-25",
        "2026-10-26",
    ],
)
def test_each_night_begins_once_also_when_the_clocks_change(
    expression: str, watch: str, day: str
) -> None:
    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(PARIS))
    due = asked(expression, watch, midnight.astimezone(timezone.utc), 22)
    assert len(due) == 1, due
    local = due[0].astimezone(ZoneInfo(PARIS))
    assert local.hour in ((2,) if day != "2026-03-29" else (3,))


def test_several_times_a_day() -> None:
    first = datetime(2026, 6, 1, tzinfo=timezone.utc)
    due = asked("0,30 6-7 * * 1", "0,30 * * * *", first, 24)
    assert [moment.strftime("%H:%M") for moment in due] == [
        "04:00",
        "04:30",
        "05:00",
        "05:30",
    ]


def test_the_next_and_the_last_time() -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
    assert schedule.next_time("0 2 * * *", PARIS, now).isoformat() == (
        "2026-11-25T02:00:00+01:00"
    )
    assert schedule.last_time("0 2 1 1 *", PARIS, now).isoformat() == (
        "2026-01-01T02:00:00+01:00"
    )


@pytest.mark.parametrize("wrong", ["0 2 * *", "61 2 * * *", "x", "0 0 30 2 *"])
def test_wrong_expressions_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="not a cron expression"):
        check_expression(wrong)


def test_durations() -> None:
    assert seconds_of("6h30m") == 6.5 * 3600
    assert seconds_of("45s") == 45
    for wrong in ("", "6", "h", "-1h", "0s"):
        with pytest.raises(ValueError, match="not a duration"):
            seconds_of(wrong)
