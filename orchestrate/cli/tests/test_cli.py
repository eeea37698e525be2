"""The command `entrepot`, as people start it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from entrepot_core.base import started

ENTREPOT = Path(sys.executable).with_name("entrepot")
SECTIONS = ("To begin:", "Every day:", "Now and then:")


def entrepot(
    folder: Path, *words: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ENTREPOT, *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose night has one step, which tells what it was given."""
    (tmp_path / "meltano.yml").write_text(
        "jobs: [{name: nightly, tasks: ['a:run']}]\nschedules: []\n"
    )
    (tmp_path / "below" / "it").mkdir(parents=True)
    return tmp_path


def verbs_of(module: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", module, "--verbs"], capture_output=True, check=True
    )
    return json.loads(done.stdout)


def test_the_help_lists_every_verb_of_both_with_what_it_does(tmp_path: Path) -> None:
    done = entrepot(tmp_path, "--help")
    listed = done.stdout.split("Examples:")[0]
    assert (done.returncode, done.stderr) == (0, "")
    for section in SECTIONS:
        assert section in listed
    own, replica = verbs_of("entrepot_ops"), verbs_of("pg_replica")
    assert "status" in own and "status" in replica
    for verb in {*own, *replica} - {"nightly"} | {"night"}:
        assert f"\n  {verb} " in listed, verb
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_verb_has_its_own_help_under_our_name(tmp_path: Path) -> None:
    for words, usage in (
        (["night"], "entrepot night"),
        (["nightly"], "entrepot nightly"),
        (["pg-replica", "status"], "entrepot pg-replica status"),
    ):
        done = entrepot(tmp_path, *words, "--help")
        assert done.stdout.startswith(f"Usage: {usage} [OPTIONS]\n"), done


def test_misspelt_verbs_are_refused_with_the_nearest(tmp_path: Path) -> None:
    done = entrepot(tmp_path, "nihgt")
    assert done.returncode == 2
    assert "there is no verb 'nihgt'. Did you mean 'night'?" in done.stderr


def test_the_settings_of_env_count_in_every_folder_below(project: Path) -> None:
    (project / ".env").write_text(
        'TARGET_DATABASE_URL="nonsense"\nSCHEDULE=wrong\nCRON_TZ="${SCHEDULE}er"\n'
    )
    done = entrepot(project / "below" / "it", "status", SCHEDULE="0 2 * * *")
    assert done.returncode == 2
    assert "TARGET_DATABASE_URL" in done.stderr
    assert "CRON_TZ" in done.stderr
    assert "SCHEDULE" not in done.stderr, "the shell's own is right, and comes first"
    other = project / "below" / "other.env"
    other.write_text("export SCHEDULE=wrong\n")
    words = ("--env-file", "below/other.env", "status")
    done = entrepot(project, *words, CRON_TZ="Europe/Paris")
    assert "SCHEDULE" in done.stderr
    assert "CRON_TZ" not in done.stderr, "another file is read instead"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"A=1\n\nB C = 'x\n", ".env, line 3: write it as NAME=value"),
        (b"A=1\nB=\xff\n", ".env, line 2: this is not UTF-8"),
    ],
)
def test_a_file_that_is_no_env_is_refused_with_the_line(
    project: Path, content: bytes, sentence: str
) -> None:
    (project / ".env").write_bytes(content)
    done = entrepot(project, "status")
    assert done.returncode == 2
    assert sentence in done.stderr
    (project / ".env").unlink()
    done = entrepot(project, "--env-file", "nowhere", "status")
    assert done.returncode == 2
    assert "nowhere: No such file" in done.stderr


def test_a_screen_has_the_schedules_zone_unless_the_shell_has_one(
    project: Path,
) -> None:
    def clock(**variables: str) -> int:
        done = entrepot(project, "status", CRON_TZ="Asia/Kathmandu", **variables)
        return int(done.stderr.split(":")[1])

    now = time.gmtime().tm_min
    assert (clock(TZ="UTC") - now) % 60 <= 1
    assert (clock() - now - 45) % 60 <= 1


def test_options_of_a_verb_are_completed(tmp_path: Path) -> None:
    def completed(*words: str) -> list[str]:
        done = entrepot(
            tmp_path,
            _ENTREPOT_COMPLETE="bash_complete",
            COMP_WORDS=" ".join(["entrepot", *words]),
            COMP_CWORD=str(len(words)),
        )
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert completed("no") == ["notify"]
    assert completed("night", "--fr") == ["--from", "--fresh"]
    assert completed("pg-replica", "audit", "--a") == ["--all"]


def test_ctrl_c_while_modules_are_read_is_no_traceback(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "slow.py").write_text("raise KeyboardInterrupt")
    monkeypatch.syspath_prepend(project)
    with pytest.raises(SystemExit) as end:
        started.import_quietly("slow")
    assert end.value.code == 130


def test_ctrl_c_while_it_becomes_another_command_waits_for_that(project: Path) -> None:
    process = subprocess.Popen(
        [ENTREPOT, "night"],
        cwd=project,
        env={
            "PATH": os.environ["PATH"],
            # Nobody answers there: a night waits for it.
            "TARGET_DATABASE_URL": "postgresql://a:b@127.0.0.1:9/c",
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    running = Path(f"/proc/{process.pid}/cmdline")
    while b"entrepot_ops" not in running.read_bytes():
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 130, said
    assert "Traceback" not in said
