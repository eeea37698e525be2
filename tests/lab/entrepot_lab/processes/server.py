"""A process that has imported a command's modules and forks a process for each call of it.

`python -m entrepot_lab.processes.server DESCRIPTOR PACKAGE` reads requests from the socket with
that number. A forked process is what `python -m PACKAGE` would be: it leaves this module by its
end, so that the interpreter shuts down as ever. It only has its imports behind it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from types import ModuleType

# What each command imports, and the function that it then runs.
COMMANDS = {
    "pg_replica": ("pg_replica.__main__", ["pg_replica.cli"]),
    "entrepot_ops": (
        "entrepot_ops.__main__",
        [
            f"entrepot_ops.{verb}"
            for verb in ("nights.command", "notify.command", "report.command")
        ],
    ),
    "entrepot_target_postgres": (
        "entrepot_target_postgres.__main__",
        ["entrepot_target_postgres.target"],
    ),
    **{
        f"entrepot_tap_{source}": (
            f"entrepot_tap_{source}.__main__",
            [f"entrepot_tap_{source}.tap"],
        )
        for source in ("csv", "dcat", "lcms", "rest", "postgres")
    },
    "entrepot_map_transform": (
        "entrepot_map_transform.__main__",
        ["entrepot_map_transform.mapper"],
    ),
    # Not `dbt.cli`, which reads the environment when it is imported.
    "entrepot_dbt": (
        "entrepot_dbt.runner",
        ["dbt.task.build", "dbt.task.list", "dbt.adapters.postgres.impl"],
    ),
}
LARGEST_REQUEST = 1 << 17  # bytes
NUMBER = struct.Struct("=i")  # as a process's number and its status are sent


@dataclass(frozen=True)
class _Request:
    """One call.

    Attributes:
        arguments: What follows the program's name.
        environment: All variables.
        folder: The working directory.
        is_leader: Whether it heads a session of its own.
        streams: Descriptors of its standard input, output and error.
        status: Where its number and, later, its status are written.
    """

    arguments: list[str]
    environment: dict[str, str]
    folder: str
    is_leader: bool
    streams: list[int]
    status: int


def main() -> None:
    """Serve until the socket is closed, or be one call."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    program = _import(sys.argv[2])
    if threading.active_count() > 1:
        raise RuntimeError(f"{sys.argv[2]} starts threads when it is imported")
    gc.freeze()
    request = _Server(channel).serve()
    if request is not None:
        _become(request, program)
        program.main()


def _import(package: str) -> ModuleType:
    name, modules = COMMANDS[package]
    for each in modules:
        importlib.import_module(each)
    return importlib.import_module(name)


class _Server:
    """Forks, and tells how each process ended."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._running: dict[int, int] = {}
        self._wake, self._woken = socket.socketpair()
        for end in (self._wake, self._woken):
            end.setblocking(False)

    def serve(self) -> _Request | None:
        """Answer requests.

        Returns:
            In a new process, what it is to be; None when the socket has been closed.
        """
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._channel, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self._wake in ready:
                    self._wake.recv(4096)
                    self._bury()
                if self._channel in ready:
                    request = _receive(self._channel)
                    if request is None:
                        self._kill()
                        return None
                    if self._fork(request):
                        return request

    def _fork(self, request: _Request) -> bool:
        """Start a process; True in that process."""
        process = os.fork()
        if process:
            self._running[process] = request.status
            for descriptor in request.streams:
                os.close(descriptor)
            return False
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (self._channel, self._wake, self._woken):
            end.close()
        for status in self._running.values():
            os.close(status)
        return True

    def _bury(self) -> None:
        """Tell the status of each process that has ended."""
        while self._running:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                return
            _send(self._running.pop(process), status)

    def _kill(self) -> None:
        """Leave nothing behind."""
        for process in self._running:
            os.kill(process, signal.SIGKILL)


def _receive(channel: socket.socket) -> _Request | None:
    data, descriptors, _, _ = socket.recv_fds(
        channel, LARGEST_REQUEST, 4, socket.MSG_CMSG_CLOEXEC
    )
    if not data:
        return None
    return _Request(**json.loads(data), streams=descriptors[:3], status=descriptors[3])


def _send(descriptor: int, number: int) -> None:
    """Write a number to somebody who may have gone."""
    try:
        os.write(descriptor, NUMBER.pack(number))
    except BrokenPipeError:
        pass
    finally:
        os.close(descriptor)


def _become(request: _Request, program: ModuleType) -> None:
    """Be in a new process what the request says."""
    if request.is_leader:
        os.setsid()
    os.chdir(request.folder)
    for number, descriptor in enumerate(request.streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request.environment)
    time.tzset()
    tempfile.tempdir = None  # TMPDIR may be another
    sys.argv = [str(program.__file__), *request.arguments]
    sys.modules["__main__"] = program
    _send(request.status, os.getpid())


if __name__ == "__main__":
    main()
