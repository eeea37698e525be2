"""Things die, networks fail, disks fill: readers keep the previous night, the next run succeeds."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from entrepot_lab.faults.moments import settle, wait_for_step
from entrepot_lab.faults.proxy import Proxy
from entrepot_lab.postgres.cluster import embedded_binaries
from entrepot_lab.postgres.readers import Poller
from entrepot_lab.postgres.warehouse import READER, Lab

USERS = "SELECT count(*) FROM pix.users"
SEED = int(os.environ.get("ENTREPOT_TEST_SEED", "20240229"))
A_NIGHT = 1.2  # seconds within which the random moments fall
# How often each kind of process is killed; the suite has 15 minutes, a night of testing has more.
MOMENTS = int(os.environ.get("ENTREPOT_TEST_MOMENTS", "4"))


def children_of(pid: int, name: str) -> list[int]:
    """Find a process's children by the name of their program, before a quick one has ended.

    One that only says its version is left alone: its death is survived.
    """
    found = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # a thread, or the process, has just ended
            found += [int(each) for each in listed.read_text().split()]
    return [each for each in found if _works(each, name)]


def _works(pid: int, name: str) -> bool:
    with suppress(OSError):
        program, *arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return Path(program.decode()).name == name and b"--version" not in arguments
    return False


@pytest.mark.timeout(600)
@pytest.mark.parametrize("victim", ["pg-replica", "its process group"])
def test_killed_at_random_moments(lab: Lab, victim: str) -> None:
    """F01, F42, F43."""
    moments = random.Random(f"{SEED} {victim}")
    lab.night()
    with Poller(lab.warehouse_url(READER), [USERS]) as poller:
        for _ in range(MOMENTS):
            process = lab.start("run")
            time.sleep(moments.uniform(0, A_NIGHT))
            with suppress(ProcessLookupError):
                if victim == "pg-replica":
                    process.kill()
                else:
                    os.killpg(process.pid, signal.SIGKILL)
            status, output = lab.finish(process)
            assert "Traceback" not in output, output
            assert status in (0, -signal.SIGKILL), output
    poller.assert_undisturbed()
    settle(lab)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("tool", ["pg_dump", "pg_restore"])
def test_a_client_tool_killed_at_random_moments(lab: Lab, tool: str) -> None:
    """Whatever its tool had written by then is not taken for the whole."""
    moments = random.Random(f"{SEED} {tool}")
    lab.night()
    variables = {}
    if tool == "pg_restore":
        archive = lab.folder / "archive"
        dump_to(lab, archive)
        variables["DUMP_PATH"] = str(archive)
    killed = 0
    with Poller(lab.warehouse_url(READER), [USERS]) as poller:
        # A moment may find the tool gone already, so some are tried in vain.
        for _ in range(10 * MOMENTS):
            process = lab.start("run", **variables)
            time.sleep(moments.uniform(0, 0.6))
            killed += kill_child(process, tool, moments.uniform(0, 0.02))
            status, output = lab.finish(process)
            assert "Traceback" not in output, output
            assert status in (0, 1), output
            if killed == MOMENTS:
                break
    assert killed == MOMENTS
    poller.assert_undisturbed()
    settle(lab)


def dump_to(lab: Lab, path: Path) -> None:
    """Dump the source into a custom archive."""
    pg_dump = str(embedded_binaries() / "pg_dump")
    command = [pg_dump, "-Fc", "-f", str(path), lab.source_url()]
    subprocess.run(command, check=True)


def kill_child(process: subprocess.Popen[str], name: str, pause: float) -> bool:
    """Wait for a child of that name, then kill it a moment later; say whether it still lived."""
    while process.poll() is None:
        if children := children_of(process.pid, name):
            time.sleep(pause)
            with suppress(ProcessLookupError):
                os.kill(children[0], signal.SIGKILL)
                return True
        time.sleep(0.0005)
    return False


@pytest.mark.timeout(180)
def test_drop_previous_killed_at_moments(lab: Lab) -> None:
    """F42: what is left is dropped the next time."""
    moments = random.Random(f"{SEED} drop-previous")
    lab.night()
    with Poller(lab.warehouse_url(READER), [USERS]) as poller:
        for _ in range(6):
            lab.night()
            process = lab.start("drop-previous")
            time.sleep(moments.uniform(0, 0.5))
            process.kill()
            lab.finish(process)
    poller.assert_undisturbed()
    settle(lab)


def test_an_interrupted_run_is_named_by_the_next(lab: Lab) -> None:
    """F01: the next start says which run was interrupted, and in which step."""
    with Proxy("127.0.0.1", lab.source_server.port) as proxy:
        lab.night()
        proxy.throttle(200_000)
        process = lab.start("run", SOURCE_DATABASE_URL=lab.source_url(proxy.port))
        wait_for_step(lab, "copy")
        process.kill()
        lab.finish(process)
    assert "was interrupted in step copy" in lab.night()
    settle(lab)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_cleanly(lab: Lab, number: signal.Signals) -> None:
    """F05: cancelled, not failed; the landing is given back before the process ends."""
    lab.night()
    with Proxy("127.0.0.1", lab.source_server.port) as proxy:
        proxy.throttle(100_000)
        process = lab.start("run", SOURCE_DATABASE_URL=lab.source_url(proxy.port))
        wait_for_step(lab, "copy")
        began = time.monotonic()
        process.send_signal(number)
        status, output = lab.finish(process)
    assert status == 128 + number, output
    assert time.monotonic() - began < 30
    lab.assert_clean()
    with lab.warehouse() as warehouse:
        row = warehouse.execute(
            "SELECT status FROM entrepot_ops.runs ORDER BY run_id DESC LIMIT 1"
        )
        assert row.fetchone() == ("cancelled",)
    settle(lab)


def test_the_death_of_meltano_ends_the_run(lab: Lab) -> None:
    """F43: a killed parent must not leave us writing as an orphan."""
    lab.night()
    with Proxy("127.0.0.1", lab.source_server.port) as proxy:
        proxy.throttle(100_000)
        parent = subprocess.Popen(
            ["sh", "-c", '"$0" -m pg_replica run; true', sys.executable],
            env={
                **lab.env,
                "SOURCE_DATABASE_URL": lab.source_url(proxy.port),
                "MELTANO_PROJECT_ROOT": str(lab.folder),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_step(lab, "copy")
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + 30
        with lab.warehouse() as warehouse:
            last = "SELECT status FROM entrepot_ops.runs ORDER BY run_id DESC LIMIT 1"
            while warehouse.execute(last).fetchone() == ("running",):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            assert warehouse.execute(last).fetchone() == ("cancelled",)
    settle(lab)
