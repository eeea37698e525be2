"""What `status` says of the next night: when it is due, and whether anything will start it."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from entrepot_core.base.errors import RunFailed
from entrepot_ops.report import status
from entrepot_ops.schedule import crontab
from entrepot_ops.settings import ScheduleSettings

NOW = datetime.now(timezone.utc)
DUE = NOW.replace(hour=2, minute=0) + timedelta(days=1)


def said(**found: Any) -> str:
    console = Console(file=io.StringIO(), width=80)
    state = {"nights": [], "steps": [], "is_running": False, "next_run": DUE}
    status.show(state | {"is_in_crontab": True, "missed_run": None} | found, console)
    return " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]


def test_it_says_when_nothing_will_start_the_next_night() -> None:
    assert "Nothing on this machine" not in said()
    assert "will start it: it has no cron." in said(is_in_crontab=None)
    assert "`entrepot crontab --install` adds" in said(is_in_crontab=False)
    assert said(next_run=None, is_in_crontab=None).endswith(
        "None is scheduled: a night begins when somebody starts it."
    )
    assert "never began" in said(missed_run=DUE)


@pytest.mark.parametrize(
    ("first", "last", "is_missed"),
    [
        (timedelta(days=9), timedelta(days=3), True),
        (timedelta(days=9), timedelta(minutes=1), False),
        (timedelta(minutes=2), timedelta(minutes=1), False),
    ],
)
def test_a_night_that_never_began(
    first: timedelta,
    last: timedelta,
    is_missed: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "meltano.yml").write_text("version: 1\n")
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(tmp_path))
    settings = ScheduleSettings(SCHEDULE="0 2 * * *", CRON_TZ="UTC")  # type: ignore[call-arg]
    missed = status.missed_run(settings, (NOW - first, NOW - last))
    assert (missed is not None) == is_missed
    assert status.missed_run(settings, None) is None, "nobody has begun to use it"


def test_whether_cron_has_our_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise RunFailed("there is no crontab on this machine")

    root = Path("/srv/entrepot")
    monkeypatch.setattr(crontab, "installed", none)
    assert crontab.is_installed(root) is None
    monkeypatch.setattr(
        crontab, "installed", lambda: "# BEGIN entrepot /srv/entrepot: made\n"
    )
    assert crontab.is_installed(root) is True
    assert crontab.is_installed(root / "other") is False
