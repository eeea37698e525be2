"""Plugins' commands in processes that are born with their modules, which spares a second each."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

_PLUGINS = ["entrepot_tap_lcms.tap", "entrepot_target_postgres.target"]
# A process apart, as a fork of this one would share its threads and its servers.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(_PLUGINS)


def run(
    package: str,
    arguments: Sequence[str],
    env: dict[str, str],
    out: Path,
    errors: Path,
    timeout: float = 60,
) -> int:
    """Run `python -m PACKAGE` without standard input.

    Args:
        package: The plugin's.
        arguments: Of the command.
        env: The environment, whole.
        out: Takes standard output.
        errors: Takes standard error, after what it holds.
        timeout: Seconds that it may take.

    Returns:
        The exit status; negative for a signal.

    Raises:
        TimeoutError: If it takes longer; it has then been killed.
    """
    process = _FORKS.Process(
        target=_become, args=(package, list(arguments), env, out, errors)
    )
    process.start()
    process.join(timeout)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise TimeoutError(f"{package} has run for more than {timeout:g} seconds")
    return process.exitcode


def _become(
    package: str, arguments: list[str], env: dict[str, str], out: Path, errors: Path
) -> None:
    os.environ.clear()
    os.environ.update(env)
    tempfile.tempdir = None  # TMPDIR may be another
    for number, path, mode in ((1, out, os.O_TRUNC), (2, errors, os.O_APPEND)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | mode, 0o600)
        os.dup2(file, number)
    sys.argv = [package, *arguments]
    importlib.import_module(f"{package}.__main__").main()
