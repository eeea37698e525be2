"""How a process was started: by the command `entrepot`, which becomes it, or by something else."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from types import ModuleType

_VARIABLE = "ENTREPOT_STARTED"
_INTERRUPTED = 130


def mark(name: str) -> dict[str, str]:
    """Say to the program that replaces this process under which name people know it.

    From now on Ctrl-C waits: Python would answer it with a traceback while it starts.

    Args:
        name: Such as `entrepot`.

    Returns:
        A variable for its environment. It holds for this process alone, not for its children.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    return {_VARIABLE: f"{os.getpid()} {name}"}


def name() -> str | None:
    """Give the name under which people started this process.

    Returns:
        Such as `entrepot`; None where `entrepot` did not start it.
    """
    process, _, given = os.environ.get(_VARIABLE, "").partition(" ")
    return given if process == str(os.getpid()) else None


def import_quietly(module: str) -> ModuleType:
    """Import the module of a command; Ctrl-C meanwhile ends the process without a traceback.

    Args:
        module: Its name.

    Returns:
        The module.
    """
    try:
        found = importlib.import_module(module)
        if name():
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    return found
