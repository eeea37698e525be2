from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from entrepot_core.base.errors import Refused
from entrepot_ops.schedule import crontab
from entrepot_ops.settings import ScheduleSettings

_PROJECT = """
jobs:
  - {name: nightly, tasks: ["a:run"]}
  - {name: weekly, tasks: ["b:run"]}
  - {name: once, tasks: ["c:run"]}
schedules:
  - {name: nightly, interval: "15 2 * * *", job: nightly}
  - {name: weekly, interval: "@weekly", job: weekly}
  - {name: once, interval: "@once", job: once}
"""
# What Debian's `crontab` does with its two arguments, on a file.
_CRONTAB = """#!/bin/sh
case "$1" in
-l) [ -f "$TABLE" ] && cat "$TABLE" || { echo "no crontab for me" >&2; exit 1; } ;;
-) cat >"$TABLE" ;;
esac
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "a project 100%"
    folder.mkdir()
    (folder / "meltano.yml").write_text(_PROJECT)
    return folder


def render(root: Path, zone: str = "UTC", **variables: str) -> list[str]:
    settings = ScheduleSettings(**variables)
    text = crontab.render(root, settings, zone, None)
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_in_the_machines_own_zone_cron_knows_by_itself(root: Path) -> None:
    nightly, weekly = render(root, "Europe/Paris")
    assert nightly.startswith("15 2 * * * ")
    assert weekly.startswith("0 0 * * 0 ")
    assert "--watch" not in nightly


def test_in_another_zone_cron_asks_each_hour(root: Path) -> None:
    nightly, weekly = render(root, "UTC")
    assert nightly.startswith("15 * * * * ")
    assert weekly.startswith("0 * * * * ")
    assert render(root, "Asia/Kolkata")[0].startswith("* * * * * ")


def test_schedule_takes_the_place_of_the_nights_own(root: Path) -> None:
    nightly, weekly = render(root, SCHEDULE="10 5 * * 1-5")
    assert "'10 5 * * 1-5'" in nightly
    assert "'0 0 * * 0'" in weekly


def test_a_path_with_spaces_and_percents_survives_cron(root: Path) -> None:
    line = render(root)[0]
    assert r"a project 100\%'" in line


def ops(root: Path, *arguments: str) -> tuple[int, str]:
    programs = root.parent / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "crontab").write_text(_CRONTAB)
    (programs / "crontab").chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-m", "entrepot_ops", "crontab", *arguments],
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            "TABLE": str(root.parent / "table"),
            "MELTANO_PROJECT_ROOT": str(root),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_others_lines_are_never_touched(root: Path) -> None:
    table = root.parent / "table"
    assert ops(root, "--install")[0] == 0
    first = table.read_text()
    assert ops(root, "--check")[0] == 0
    others = "MAILTO=me@example.org\n# mine\n* * * * * true % x\n"
    table.write_text(others + first + "@daily last\n")
    assert ops(root, "--check")[0] == 0
    (root / "meltano.yml").write_text(_PROJECT.replace("15 2", "45 3"))
    status, output = ops(root, "--check")
    assert status == 4
    assert "45 3" in output
    assert ops(root, "--install")[0] == 0
    assert ops(root, "--check")[0] == 0
    assert table.read_text().count("BEGIN entrepot") == 1
    assert ops(root, "--remove")[0] == 0
    assert table.read_text() == others + "@daily last\n"
    assert ops(root, "--remove")[0] == 0


def test_broken_marks_are_refused(root: Path) -> None:
    table = root.parent / "table"
    ops(root, "--install")
    table.write_text(table.read_text().replace("# END", "# end"))
    status, output = ops(root, "--install")
    assert status == 2
    assert "is missing" in output


def test_nothing_scheduled_is_refused(root: Path) -> None:
    (root / "meltano.yml").write_text("jobs: [{name: nightly, tasks: ['a:run']}]")
    with pytest.raises(Refused, match="nothing is scheduled"):
        render(root)
