"""What people and programs see while a night runs: a terminal, and lines of JSON."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

from entrepot_lab.meltano.nights import Project

ENTREPOT = Path(sys.executable).with_name("entrepot")
# Makes standard input the terminal of the process, so that Ctrl-C is the kernel's own.
TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.argv[1], sys.argv[1:])"
)
CTRL_C = b"\x03"


def on_a_terminal(
    project: Project, text: str = "", key: bytes = b""
) -> tuple[int, str]:
    """Run a night on a terminal of 80 columns; press a key once a text is there."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", TERMINAL, ENTREPOT, "night"],
        cwd=project.root / "transform",
        env={
            "PATH": os.environ["PATH"],
            "TERM": "xterm",
            "NO_COLOR": "1",
            "COLUMNS": "80",
            "LINES": "30",
            **project.env,
        },
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    said = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            said += os.read(master, 65536)
        except OSError:  # nobody has it open any more
            break
        if key and text.encode() in said:
            os.write(master, key)
            key = b""
    os.close(master)
    text = re.sub(r"\x1b\[[?\d;]*[a-zA-Z]|\r", "", said.decode())
    return process.wait(timeout=30), text


def test_a_terminal_shows_the_steps_and_ctrl_c_says_how_to_go_on(
    project: Project,
) -> None:
    project.behave("run tap-db target-db", "echo reading orders; sleep 30")
    status, said = on_a_terminal(project, "reading orders", CTRL_C)
    assert status == 130, said
    assert "Traceback" not in said
    assert re.search(r"runs +incremental-replication", said)
    end = said[said.rindex("vs usual") :]
    assert re.search(r"incremental-replication +stopped +nothing", end)
    assert re.search(r"dbt:build +not run +nothing", end)
    assert re.search(r"Night 1 was stopped after [\d.]+ s: ended by SIGINT", end)
    assert (
        "next    entrepot night    goes on: what had succeeded is not done again" in end
    )
    assert project.last_night() == (1, "cancelled")

    project.behave("run tap-db target-db", "")
    project.behave("run tap-lcms target-db", "echo 'error: no file'; exit 2")
    status, said = on_a_terminal(project)
    assert status == 1
    assert "error: learning-content-replication: failed with status 2: no file" in said
    end = said[said.rindex("vs usual") :]
    assert re.search(r"full-replication +kept +night 1", end)
    assert re.search(r"learning-content-replication +FAILED .* nothing", end)
    assert (
        "Readers see night 1, but for learning-content-replication: as before." in end
    )
    assert re.search(r"log +/.*nightly\.log", end.replace("\n", ""))
    told = (Path(project.env["WORK_DIR"]) / "logs" / "nightly.log").read_text()
    assert "[ops] error: learning-content-replication: failed with status 2" in told


def test_programs_get_a_line_of_json_for_each_event(project: Project) -> None:
    project.behave(
        "run tap-db target-db",
        """echo '{"event": "METRIC: {\\"metric\\": \\"record_count\\", \\"value\\": 12}","""
        """ "name": "tap-db", "stdio": "stderr", "producer": true}'""",
    )
    process = project.start("nightly", "--json", TZ="Asia/Kathmandu")
    lines = process.communicate(timeout=120)[0].splitlines()
    events = [json.loads(line) for line in lines if line.startswith("{")]
    assert process.returncode == 0, lines
    kinds = [each["event"] for each in events if each["event"] != "step_does"]
    assert kinds == ["night_begins", *["step_begins", "step_ends"] * 6, "night_ends"]
    steps = [each["step"] for each in events[0]["steps"]]
    assert steps[:2] == ["full-replication", "incremental-replication"]
    (ended,) = (
        e for e in events if e["event"] == "step_ends" and e["step"] == steps[1]
    )
    assert (ended["status"], ended["row_count"]) == ("succeeded", 12)
    assert events[-1]["outcome"] == "success"
    assert events[-1]["exit_status"] == 0
    assert events[-1]["report"].endswith("/night-1.html")
    assert all(each["time"].endswith("+05:45") for each in events)
    others = [line for line in lines if not line.startswith("{")]
    assert not [line for line in others if "begins" in line], "said once"


def test_a_night_ends_well_where_nobody_reads_its_lines(project: Project) -> None:
    process = subprocess.Popen(
        [ENTREPOT, "night", "--json"],
        cwd=project.root,
        env={"PATH": os.environ["PATH"], **project.env},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=120) == 0
    assert project.last_night() == (1, "succeeded")
