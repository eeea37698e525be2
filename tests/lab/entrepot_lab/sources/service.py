"""A small server of the lab that outlives the process that starts it, as the databases do."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from entrepot_lab.postgres.ports import free_port

_SECONDS = 30  # to start, and to end


@dataclass(frozen=True)
class Service:
    """One server: `python -m MODULE FOLDER`, which listens on the port that the folder holds.

    Attributes:
        folder: Holds the port, the key, the log and the process's number.
        module: The server's module.
    """

    folder: Path
    module: str

    @property
    def port(self) -> int:
        """The port, the same at each start while nobody else takes it."""
        return int((self.folder / "port").read_text())

    @property
    def key(self) -> str:
        """What its clients must show; made once."""
        return (self.folder / "key").read_text()

    def start(self) -> None:
        """Start it, unless it runs.

        Raises:
            RuntimeError: If it does not start, with the end of its log.
        """
        if self.is_running():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "key").exists():
            self._write("key", secrets.token_urlsafe(18))
        if not (self.folder / "port").exists() or not _is_free(self.port):
            self._write("port", str(free_port()))
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", self.module, str(self.folder.resolve())],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._write("pid", str(process.pid))
        deadline = time.monotonic() + _SECONDS
        while _is_free(self.port):
            if process.poll() is not None or time.monotonic() > deadline:
                end = (self.folder / "log").read_text()[-1000:]
                raise RuntimeError(f"{self.module} does not start: {end}")
            time.sleep(0.05)
        # It is meant to go on without us.
        process.returncode = 0

    def stop(self) -> None:
        """Stop it, if it runs."""
        process = self._process()
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)
        with suppress(ChildProcessError):
            os.waitpid(process, 0)  # where it is this process's own child
        deadline = time.monotonic() + _SECONDS
        while self.is_running() and time.monotonic() < deadline:
            time.sleep(0.02)

    def is_running(self) -> bool:
        """Say whether it runs."""
        return self._process() is not None

    def _process(self) -> int | None:
        """Give its process, after making sure that it is ours."""
        try:
            process = int((self.folder / "pid").read_text())
            place = (Path("/proc") / str(process) / "cwd").readlink()
        except (OSError, ValueError):
            return None
        return process if place == self.folder.resolve() else None

    def _write(self, name: str, content: str) -> None:
        """Write a file that only we can read."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(content)


def _is_free(port: int) -> bool:
    """Say whether nobody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
