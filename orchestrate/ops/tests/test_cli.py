from __future__ import annotations

import subprocess
import sys


def test_the_help_teaches() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "entrepot_ops", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Exit status" in done.stdout


def test_an_unknown_verb_is_refused_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "entrepot_ops", "nigthly"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
