from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from entrepot_ops.meltano import process


def run(
    tmp_path: Path, script: str, seconds: float | None = None
) -> tuple[process.Ended, list[str]]:
    deadline = None if seconds is None else time.monotonic() + seconds
    lines: list[str] = []
    ended = process.run(
        ["sh", "-c", script], tmp_path, os.environ, lines.append, deadline
    )
    return ended, lines


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)]
)
def test_the_commands_own_status(tmp_path: Path, script: str, status: int) -> None:
    assert run(tmp_path, script)[0].status == status


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    lines: list[str] = []
    ended = process.run(["/no/such"], tmp_path, os.environ, lines.append)
    assert ended.status == 127
    assert "No such file" in lines[0]


def test_all_is_read_whatever_it_is(tmp_path: Path) -> None:
    script = (
        r"printf 'a\377b\r\n'; head -c 50000 /dev/zero | tr '\0' x; printf '\nlast'"
    )
    _, tail = run(tmp_path, script)
    assert tail[0] == "a\N{REPLACEMENT CHARACTER}b"
    assert "".join(tail[1:-1]) == "x" * 50000
    assert tail[-1] == "last"


def test_a_daemon_left_behind_is_ended(tmp_path: Path) -> None:
    run(tmp_path, "sleep 300 >/dev/null 2>&1 & echo $! >child; exit 0")
    child = int((tmp_path / "child").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_the_deadline(tmp_path: Path) -> None:
    ended, lines = run(tmp_path, "echo begun; exec sleep 300", 0.5)
    assert ended.ran_out
    assert lines == ["begun"]


def test_what_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    script = "trap '' TERM; echo $$ >child; while :; do sleep 0.1; done"
    supervisor = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "entrepot_ops.meltano.supervisor",
            "0.5",
            "sh",
            "-c",
            script,
        ],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
    )
    child = tmp_path / "child"
    while not (child.exists() and child.read_text().strip()):
        time.sleep(0.02)
    assert supervisor.stdin is not None
    supervisor.stdin.close()
    assert supervisor.wait(timeout=30) == 137
    with pytest.raises(ProcessLookupError):
        os.kill(int(child.read_text()), 0)
