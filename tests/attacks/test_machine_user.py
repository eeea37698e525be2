"""Actor: another user of the machine that runs the nights.

Has: a shell there; may read every file that is not closed to them.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from entrepot_lab.meltano.nights import Project
from entrepot_lab.postgres.warehouse import Lab

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def open_to_others(folder: Path) -> list[str]:
    return [
        f"{path.relative_to(folder.parent)} {stat.S_IMODE(path.lstat().st_mode):o}"
        for path in [folder, *folder.rglob("*")]
        if path.lstat().st_mode & OTHERS
    ]


def test_logs_reports_and_what_steps_write_are_closed(lab: Lab, tmp_path: Path) -> None:
    """Attempt: read logs, reports and dbt's files. Expected: nothing, whatever the umask.

    Beside it: what an earlier release left open is closed, and our own user reads all of it.
    """
    work = tmp_path / "work"
    env = {
        "TARGET_DATABASE_URL": lab.env["TARGET_DATABASE_URL"],
        "WORK_DIR": str(work),
    }
    project = Project(tmp_path / "project", env).create()
    project.behave(
        "invoke dbt:build", f"mkdir -p '{work}/dbt'; echo x >'{work}/dbt/log'"
    )
    before = os.umask(0o022)
    try:
        (work / "logs").mkdir(parents=True)
        (work / "logs" / "nightly.log").write_text("of an earlier release\n")
        assert open_to_others(work)
        status, output = project.ops("nightly")
    finally:
        os.umask(before)
    assert status == 0, output
    files = {path.name for path in work.rglob("*") if path.is_file()}
    assert {"nightly.log", "night-1.html", "log"} <= files
    assert open_to_others(work) == []
    assert "of an earlier release" in (work / "logs" / "nightly.log").read_text()
