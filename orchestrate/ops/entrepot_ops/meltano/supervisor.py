"""Supervise a command: it ends, with all its children, when whoever started it does.

`python -m entrepot_ops.meltano.supervisor SECONDS COMMAND…` runs the command in a process group
of its own. Standard input tells whether the parent lives: when its other end is closed, on
purpose or because the parent was killed, the group gets SIGTERM, and SIGKILL after the given
seconds. The exit status is the command's; 128 and the signal's number when a signal ended it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

_POLL = 0.05
_NOT_FOUND = 127  # as a shell says it


def _signal_group(group: int, number: int) -> bool:
    """Signal a group; False when nobody is left in it."""
    with suppress(ProcessLookupError):
        os.killpg(group, number)
        return True
    return False


def _end_group(group: int, grace: float) -> None:
    deadline = time.monotonic() + grace
    alive = _signal_group(group, signal.SIGTERM)
    while alive and time.monotonic() < deadline:
        time.sleep(_POLL)
        alive = _signal_group(group, 0)
    if alive:
        _signal_group(group, signal.SIGKILL)


def _wait_for_release(group: int, grace: float) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    _end_group(group, grace)


def main() -> None:
    """Run the command, and end as it does."""
    grace, command = float(sys.argv[1]), sys.argv[2:]
    try:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        print(f"{command[0]} cannot be run: {error.strerror}", file=sys.stderr)
        sys.exit(_NOT_FOUND)
    # Only now, as the command would inherit it: the parent stops us by closing our standard
    # input, not by a signal.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(
        target=_wait_for_release, args=(child.pid, grace), daemon=True
    ).start()
    status = child.wait()
    # What a dead command has left behind must not go on writing.
    _end_group(child.pid, grace)
    os._exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
