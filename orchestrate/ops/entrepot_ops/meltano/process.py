"""Running one command to its end, its output read line by line, its children never left behind."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

GRACE = (
    25.0  # seconds between SIGTERM and SIGKILL: all has ended 30 seconds after a signal
)
_LONGEST_LINE = 20_000  # bytes; the rest of a longer line becomes the next one
_POLL = 0.5


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        status: Its exit status; 128 and the number when a signal ended it.
        seconds: For how long it ran.
        ran_out: Whether the time ran out, so that it was ended.
    """

    status: int
    seconds: float
    ran_out: bool = False


def run(
    command: list[str],
    folder: Path,
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
    deadline: float | None = None,
) -> Ended:
    """Run a command.

    Args:
        command: Its words; nothing secret.
        folder: Where.
        environment: Its variables.
        on_line: Called with each line that it prints.
        deadline: By `time.monotonic()`, when it is ended; None for never.

    Returns:
        How it ended. An exception in the meantime, such as of a signal, ends it too.
    """
    began = time.monotonic()
    reader = _Lines(on_line)
    supervisor = [sys.executable, "-m", "entrepot_ops.meltano.supervisor", str(GRACE)]
    with subprocess.Popen(
        [*supervisor, *command],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # a Ctrl-C is ours to handle
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            ran_out = _read(process, reader, deadline)
        finally:
            process.stdin.close()
            process.wait()
        reader.take(process.stdout.read())
        reader.end()
    seconds = time.monotonic() - began
    return Ended(process.returncode, seconds, ran_out)


def _read(
    process: subprocess.Popen[bytes], reader: _Lines, deadline: float | None
) -> bool:
    """Read until the command ends; True if the deadline came first."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if deadline is not None and time.monotonic() > deadline:
                return True
            if selector.select(_POLL):
                data = os.read(process.stdout.fileno(), 65536)
                reader.take(data)
                if not data:
                    return False
            elif process.poll() is not None:
                return False


class _Lines:
    """Cuts bytes into lines."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = b""

    def take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._give(line)
        if len(self._rest) > _LONGEST_LINE:
            self.end()

    def end(self) -> None:
        if self._rest:
            self._give(self._rest)
        self._rest = b""

    def _give(self, line: bytes) -> None:
        self._on_line(line.decode(errors="replace").rstrip("\r"))
