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
    given: Path = Path(os.devnull),
    timeout: float = 60,
) -> int:
    """Run `python -m PACKAGE`.

    Args:
        package: The plugin's.
        arguments: Of the command.
        env: The environment, whole.
        out: Takes standard output.
        errors: Takes standard error, after what it holds.
        given: Standard input.
        timeout: Seconds that it may take.

    Returns:
        The exit status; negative for a signal.

    Raises:
        TimeoutError: If it takes longer; it has then been killed.
    """
    process = _FORKS.Process(
        target=_become, args=(package, list(arguments), env, (given, out, errors))
    )
    process.start()
    process.join(timeout)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise TimeoutError(f"{package} has run for more than {timeout:g} seconds")
    return process.exitcode


def _become(
    package: str, arguments: list[str], env: dict[str, str], files: tuple[Path, ...]
) -> None:
    os.environ.clear()
    os.environ.update(env)
    tempfile.tempdir = None  # TMPDIR may be another
    modes = (os.O_RDONLY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number, path in enumerate(files):
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(path, (*modes, append)[number], 0o600), number)
    sys.stdin = os.fdopen(0, closefd=False)  # multiprocessing has closed it
    sys.argv = [package, *arguments]
    importlib.import_module(f"{package}.__main__").main()
