"""The command `ops`, run by tests."""

from __future__ import annotations

import subprocess
import sys

from entrepot_lab.postgres.warehouse import Lab
from entrepot_lab.processes import prepared


def start(lab: Lab, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """Start `ops`.

    Args:
        lab: Whose environment it runs in.
        arguments: Of the command.
        variables: Added to the environment.

    Returns:
        The process.
    """
    return prepared.Popen(
        [sys.executable, "-m", "entrepot_ops", *arguments],
        env={**lab.env, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ops(lab: Lab, *arguments: str, **variables: str) -> tuple[int, str]:
    """Run `ops`, and make sure that it shows no secret.

    Args:
        lab: Whose environment it runs in.
        arguments: Of the command.
        variables: Added to the environment.

    Returns:
        Its exit status and its output.
    """
    process = start(lab, *arguments, **variables)
    output, _ = process.communicate(timeout=180)
    lab.assert_no_secret(output)
    assert "Traceback" not in output, output
    assert "s3-s3cret" not in output, output
    return process.returncode, output
