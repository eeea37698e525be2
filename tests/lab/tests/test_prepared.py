"""A prepared process is what the command itself would be."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from entrepot_lab.processes import prepared

REPLICA = [sys.executable, "-m", "pg_replica"]
MAPPER = [sys.executable, "-m", "entrepot_map_transform"]
BARE = {"PATH": os.environ["PATH"]}


def without_times(log: str) -> str:
    return re.sub(r"^\d\d:\d\d:\d\d ", "", log, flags=re.MULTILINE)


def waiting(tmp_path: Path, *, leads: bool = False) -> subprocess.Popen[str]:
    """Start a command that waits for its input to end, and wait until it does."""
    config = tmp_path / "config.json"
    config.write_text('{"domain": "barometre"}')
    process = prepared.Popen(
        [*MAPPER, "--config", str(config)],
        env={**BARE, "DOMAINS": "pix"},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=leads,
    )
    assert process.stderr is not None
    assert "nothing to do" in process.stderr.readline()
    return process


@pytest.mark.parametrize(
    "arguments", [["--help"], ["check"], ["check", "--no-such-option"]]
)
def test_it_prints_and_ends_as_the_command_does(
    arguments: list[str], tmp_path: Path
) -> None:
    env = {**BARE, "SOURCE_DATABASE_URL": "nonsense", "COLUMNS": "90"}
    options = {"env": env, "cwd": tmp_path, "capture_output": True, "text": True}
    command = [*REPLICA, *arguments]
    real = subprocess.run(command, check=False, **options)  # type: ignore[call-overload]
    ours = prepared.run(command, **options)  # type: ignore[arg-type]
    assert ours.stdout == real.stdout
    assert without_times(ours.stderr) == without_times(real.stderr)
    assert ours.returncode == real.returncode


def test_it_sees_no_variable_but_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    command = [*REPLICA, "check"]
    for url in ("postgresql://one", "no url"):
        monkeypatch.setenv("TARGET_DATABASE_URL", url)
        done = prepared.run(command, env=BARE, capture_output=True, text=True)
        assert "TARGET_DATABASE_URL is missing" in done.stderr
    done = prepared.run(command, capture_output=True, text=True)
    assert "TARGET_DATABASE_URL" in done.stderr
    assert "TARGET_DATABASE_URL is missing" not in done.stderr


def test_a_signal_reaches_it(tmp_path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        process = waiting(tmp_path)
        assert process.poll() is None
        process.send_signal(number)
        process.communicate(timeout=30)
        assert process.returncode == -number
        process.send_signal(number)  # to nobody


def test_it_may_head_a_session(tmp_path: Path) -> None:
    with waiting(tmp_path, leads=True) as process:
        assert os.getsid(process.pid) == process.pid
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def test_who_waits_too_long_is_told(tmp_path: Path) -> None:
    with waiting(tmp_path) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05)
        process.communicate()
    assert process.returncode == 0
    with pytest.raises(subprocess.CalledProcessError):
        prepared.run([*REPLICA, "nonsense"], env=BARE, capture_output=True, check=True)


def test_what_cannot_be_prepared_is_refused() -> None:
    for command in (["true"], [sys.executable, "-m", "this"]):
        with pytest.raises(ValueError, match=r"prepared|none of"):
            prepared.Popen(command)


def test_nothing_outlives_who_has_started_it(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"domain": "barometre"}')
    script = (
        "import os, subprocess, sys; from entrepot_lab.processes import prepared; "
        "process = prepared.Popen([sys.executable, *sys.argv[1:]], stderr=subprocess.PIPE); "
        "process.stderr.readline(); print(process.pid, flush=True); os._exit(0)"
    )
    ours, theirs = os.pipe()  # an input that does not end
    done = subprocess.run(
        [sys.executable, "-c", script, *MAPPER[1:], "--config", str(config)],
        env={**BARE, "DOMAINS": "pix"},
        stdin=ours,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    deadline = time.monotonic() + 30
    while (Path("/proc") / done.stdout.strip()).exists():
        assert time.monotonic() < deadline, "it goes on"
        time.sleep(0.02)
    os.close(ours)
    os.close(theirs)
