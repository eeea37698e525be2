"""A night that Debian's cron begins: its bare environment, its mail, its exit status."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from entrepot_lab.meltano.nights import STEPS, Project
from entrepot_lab.postgres.warehouse import PASSWORD, Lab

# Only our crontab is there for this cron, and only this cron sees ours.
_ALONE = """
set -e
mkdir -p {folder}/spool/crontabs {folder}/empty
for place in /etc/cron.d /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly; do
    if [ -d $place ]; then mount --bind {folder}/empty $place; fi
done
touch {folder}/nothing
mount --bind {folder}/nothing /etc/crontab
mount --bind {folder}/spool /var/spool/cron
mount -t tmpfs none /run
{ops} crontab --install
{ops} crontab --check
exec cron -f -L 15
"""


def _can_be_alone() -> bool:
    if not (shutil.which("cron") and shutil.which("crontab") and os.geteuid() == 0):
        return False
    probe = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/run"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


@pytest.fixture
def project(empty_lab: Lab, tmp_path: Path) -> Project:
    """Give a project whose `meltano invoke ops` reads .env, as Meltano's does."""
    project = Project(
        tmp_path / "a project 100%",
        {"TARGET_DATABASE_URL": empty_lab.env["TARGET_DATABASE_URL"]},
    ).create()
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in project.env.items()]
    (project.root / ".env").write_text("".join(lines))
    project.behave(
        "invoke ops nightly",
        f'set -a; . ./.env; set +a; exec "{sys.executable}" -m entrepot_ops nightly',
    )
    project.env["SCHEDULE"] = "* * * * *"
    return project


def as_cron(project: Project) -> subprocess.CompletedProcess[str]:
    """Run the crontab's line with nothing but what cron gives."""
    crontab = project.ops("crontab")[1]
    line = next(each for each in crontab.splitlines() if not each.startswith("#"))
    return subprocess.run(
        ["/bin/sh", "-c", line.split(maxsplit=5)[5].replace(r"\%", "%")],
        cwd="/",
        env={
            "HOME": "/root",
            "LOGNAME": "root",
            "PATH": "/usr/bin:/bin",
            "SHELL": "/bin/sh",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_line_works_in_a_bare_environment_and_keeps_the_status(
    project: Project,
) -> None:
    done = as_cron(project)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), "no mail"
    assert project.calls() == ["invoke ops nightly", *STEPS]
    project.behave("invoke replica:audit", "echo 'error: rows differed'; exit 4")
    done = as_cron(project)
    assert done.returncode == 4
    assert "nightly failed with status 4" in done.stdout
    assert "rows differed" in done.stdout
    assert PASSWORD not in done.stdout
    log = (project.root / ".entrepot" / "logs" / "cron-nightly.log").read_text()
    assert "rows differed" in log
    project.behave("invoke replica:run", "echo waiting; sleep 300")
    project.env["SCHEDULE"] = "0 0 29 2 *"
    assert as_cron(project).returncode == 0, "it is not due"


@pytest.mark.skipif(not _can_be_alone(), reason="no cron, or no right to run it apart")
def test_a_night_begun_by_a_real_cron(project: Project) -> None:
    folder = project.root.parent
    script = _ALONE.format(folder=folder, ops=f'"{sys.executable}" -m entrepot_ops')
    with (folder / "cron.log").open("wb") as log:
        cron = subprocess.Popen(
            [
                *("unshare", "--mount", "--pid", "--fork", "--kill-child"),
                "sh",
                "-c",
                script,
            ],
            env={"PATH": os.environ["PATH"], **project.env},
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 150
        while "invoke replica:audit" not in _calls(project):
            assert cron.poll() is None, (folder / "cron.log").read_text()
            assert time.monotonic() < deadline, (folder / "cron.log").read_text()
            time.sleep(0.2)
        project.wait_until(lambda: project.last_night()[1] == "succeeded")
    finally:
        cron.kill()
        cron.wait()
    assert _calls(project)[:7] == ["invoke ops nightly", *STEPS]


def _calls(project: Project) -> list[str]:
    path = project.root / "calls"
    return path.read_text().splitlines() if path.exists() else []
