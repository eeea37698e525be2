"""An SFTP server of a test's own, on this machine, which serves one folder."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko

USER, PASSWORD = "reader", "a password, +/@"


@dataclass(frozen=True)
class Served:
    """A server that runs.

    Attributes:
        port: Of this machine.
        known_hosts: The line of its key.
    """

    port: int
    known_hosts: str


class _Login(paramiko.ServerInterface):  # type: ignore[misc] # it has no annotations
    def check_auth_password(self, username: str, password: str) -> int:
        is_ours = (username, password) == (USER, PASSWORD)
        return int(paramiko.AUTH_SUCCESSFUL if is_ours else paramiko.AUTH_FAILED)

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)


class _Files(paramiko.SFTPServerInterface):  # type: ignore[misc] # nor has this one
    root = Path()

    def _real(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def list_folder(self, path: str) -> Any:
        found = []
        for each in self._real(path).iterdir():
            told = paramiko.SFTPAttributes.from_stat(each.stat())
            told.filename = each.name
            found.append(told)
        return found

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(self._real(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    lstat = stat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        try:
            file = os.fdopen(os.open(self._real(path), os.O_RDONLY), "rb")
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        handle = paramiko.SFTPHandle(flags)
        handle.readfile = file  # as paramiko's own server reads it
        return handle


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serve a folder.

    Args:
        folder: What is the server's root.

    Yields:
        The server.
    """
    key = paramiko.RSAKey.generate(2048)
    files = type("_FilesOfFolder", (_Files,), {"root": folder})
    transports: list[paramiko.Transport] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                transport = paramiko.Transport(connection)
                transport.add_server_key(key)
                transport.set_subsystem_handler("sftp", paramiko.SFTPServer, files)
                transport.start_server(server=_Login(), event=threading.Event())
                transports.append(transport)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield Served(port, f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    for transport in transports:
        transport.close()
