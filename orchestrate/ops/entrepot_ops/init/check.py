"""`pg-replica check` with the new `.env`: a process of its own, as ops imports no other product."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path


def run(root: Path, values: Mapping[str, str]) -> tuple[int, list[str]]:
    """Run the check.

    Args:
        root: The project's folder.
        values: What `.env` says.

    Returns:
        Its exit status, and what it printed.
    """
    done = subprocess.run(
        [_python(root), "-m", "pg_replica", "check"],
        cwd=root,
        env={**os.environ, **values, "MELTANO_PROJECT_ROOT": str(root)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def _python(root: Path) -> str:
    """Find a Python that has pg-replica: our own, or that of the project's environment."""
    if find_spec("pg_replica"):
        return sys.executable
    return str(root / ".venv" / "bin" / "python")
