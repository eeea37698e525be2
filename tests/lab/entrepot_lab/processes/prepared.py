"""`subprocess` for the project's own commands, without the second that their imports take.

`Popen` and `run` take what those of `subprocess` take, for a command line that begins with
`PYTHON -m PACKAGE`, and give what those give. The process is a fork of one that has imported the
package, see `entrepot_lab.processes.server`: that one is its parent, not this process.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, AnyStr

from entrepot_lab.processes.server import COMMANDS, LARGEST_REQUEST, NUMBER

DBT = (sys.executable, "-m", "entrepot_dbt")  # what `entrepot-dbt` runs
_INHERITED = -1  # how `subprocess` writes a stream that nobody redirects


class Popen(subprocess.Popen[AnyStr]):
    """A process of one of the project's commands.

    What `subprocess` does to start a process and to wait for it is replaced; pipes, timeouts and
    signals are as ever.
    """

    _status: int
    if TYPE_CHECKING:  # what `subprocess` has, and shows to nobody
        _waitpid_lock: threading.Lock
        _close_pipe_fds: Callable[..., None]
        _handle_exitstatus: Callable[[int], None]

    def _execute_child(self, args: list[str], *given: Any) -> None:
        """Ask for the process, where `subprocess` would start it."""
        names = ("executable", "preexec_fn", "close_fds", "pass_fds", "cwd", "env")
        options = dict(zip(names, given, strict=False))
        streams, (*_, is_leader) = given[9:15], given[15:21]
        command = [os.fspath(each) for each in args]
        if command[:2] != [sys.executable, "-m"] or any(
            options[each] for each in ("executable", "preexec_fn", "pass_fds")
        ):
            raise ValueError(f"no prepared process can be {args}")
        request = {
            "arguments": command[3:],
            "environment": dict(
                os.environ if options["env"] is None else options["env"]
            ),
            "folder": os.fspath(options["cwd"] or Path.cwd()),
            "is_leader": is_leader,
        }
        stdin, _, _, stdout, _, stderr = streams
        try:
            self.pid, self._status = _server(command[2]).fork(
                request,
                [
                    own if theirs == _INHERITED else theirs
                    for own, theirs in enumerate((stdin, stdout, stderr))
                ],
            )
            self._child_created = True
        finally:
            self._close_pipe_fds(*streams)

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        """Look whether it has ended, as `subprocess` does also when this object goes."""
        if self.returncode is None and self._waitpid_lock.acquire(False):
            try:
                if self.returncode is None:
                    process, status = self._try_wait(os.WNOHANG)
                    if process:
                        self._handle_exitstatus(status)
            finally:
                self._waitpid_lock.release()
        return self.returncode

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        """Do what `os.waitpid` does."""
        if wait_flags and not select.select([self._status], [], [], 0)[0]:
            return 0, 0
        status = _read(self._status)
        os.close(self._status)
        return self.pid, status


def run(
    command: Sequence[str],
    *,
    input: Any = None,  # noqa: A002
    capture_output: bool = False,
    check: bool = False,
    timeout: float | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """Do what `subprocess.run` does, for one of the project's commands.

    Args:
        command: Begins with `PYTHON -m PACKAGE`.
        input: What it reads.
        capture_output: Whether what it prints is kept.
        check: Whether an exit status other than 0 is an exception.
        timeout: Seconds that it may take.
        **options: As `subprocess.Popen` takes them.

    Returns:
        Its exit status, and what it printed.

    Raises:
        CalledProcessError: If `check` is true and its exit status is not 0.
        TimeoutExpired: If it takes longer; it has then been killed.
    """
    if input is not None:
        options["stdin"] = subprocess.PIPE
    if capture_output:
        options["stdout"] = options["stderr"] = subprocess.PIPE
    process: Popen[Any]
    with Popen(command, **options) as process:
        try:
            output, errors = process.communicate(input, timeout=timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(command, process.returncode, output, errors)
    if check:
        done.check_returncode()
    return done


class _Server:
    """The process that forks those of one package."""

    def __init__(self, package: str) -> None:
        self._lock = threading.Lock()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        module = "entrepot_lab.processes.server"
        with theirs:
            # What it imports sees nothing of this process's environment, and a signal to this
            # process's group is not for it: it ends when the socket is closed.
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(theirs.fileno()), package],
                cwd="/",
                env={"PATH": os.environ["PATH"]},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._process.returncode = 0  # nobody waits for it
        atexit.register(self._channel.close)

    def fork(self, request: dict[str, Any], streams: list[int]) -> tuple[int, int]:
        """Ask for a process.

        Args:
            request: What it is to be.
            streams: Its standard input, output and error.

        Returns:
            Its number, and where its status can be read once it has ended.

        Raises:
            ValueError: If the arguments and variables are too many.
        """
        data = json.dumps(request).encode()
        if len(data) > LARGEST_REQUEST:
            raise ValueError("the arguments and variables are too many")
        ours, theirs = os.pipe()
        try:
            with self._lock:
                socket.send_fds(self._channel, [data], [*streams, theirs])
        finally:
            os.close(theirs)
        return _read(ours), ours


@cache
def _server(package: str) -> _Server:
    if package not in COMMANDS:
        raise ValueError(f"{package} is none of {', '.join(COMMANDS)}")
    return _Server(package)


def _read(descriptor: int) -> int:
    """Read a number; its bytes come at once."""
    data = os.read(descriptor, NUMBER.size)
    if not data:
        os.close(descriptor)
        raise RuntimeError("the process has not started: see standard error")
    number: int = NUMBER.unpack(data)[0]
    return number
