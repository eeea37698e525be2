"""Files of an SFTP server, whose key must be known: nobody else is given a password or believed."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from entrepot_core.base.redaction import redact
from entrepot_core.storage.disk import pour
from entrepot_tap_csv.errors import CannotRead

if TYPE_CHECKING:
    from paramiko import SFTPClient

_PORT = 22
_MOST = 100_000  # files below a folder
_HINT = "add the key that its owner names to known_hosts, or set known_hosts"


@dataclass(frozen=True)
class Remote:
    """A file of the server.

    Attributes:
        path: From the root.
        size: Bytes.
        modified: Seconds since 1970.
    """

    path: str
    size: int
    modified: int


class Server:
    """An SFTP server.

    Args:
        url: `sftp://user[:password]@host[:port]/path`; without a password, the keys and the agent
            of our user.
        known_hosts: A file of the servers' keys; empty for our user's own.
        timeout: Seconds after which a silent network counts as cut.
    """

    def __init__(self, url: str, known_hosts: str, timeout: int) -> None:
        parts = urlsplit(url)
        self.path = unquote(parts.path)
        self._host, self._port = parts.hostname or "", parts.port or _PORT
        self._user = unquote(parts.username or "") or None
        self._password = unquote(parts.password or "") or None
        redact.hide(self._password)
        self._known_hosts = known_hosts
        self._timeout = timeout

    def shown(self, path: str) -> str:
        """Write a file's URL without what is secret."""
        return f"sftp://{self._host}{path}"

    def files(self, base: str) -> list[Remote]:
        """List the files of a folder and of those below it; a file is alone.

        Args:
            base: The folder, or the file.

        Returns:
            The files; hidden ones are among them.
        """
        with self._connected() as client:
            return list(_below(client, base or "/"))

    def fetch(self, remote: Remote, target: Path, limit: int) -> Path:
        """Bring a file here.

        Args:
            remote: The file, as it was listed.
            target: What it becomes.
            limit: Bytes that it may have.

        Returns:
            Its path.

        Raises:
            CannotRead: If it has changed since it was listed.
        """
        with self._connected() as client:
            with client.open(remote.path) as source, target.open("wb") as file:
                source.prefetch(remote.size)
                pour(source, file, lambda _: None, target.parent, limit=limit)
            now = client.stat(remote.path)
        if (now.st_size, now.st_mtime) != (remote.size, remote.modified):
            target.unlink()
            raise CannotRead(
                f"{self.shown(remote.path)} changes while it is fetched: run again when it is "
                "complete"
            )
        return target

    @contextmanager
    def _connected(self) -> Iterator[SFTPClient]:
        import paramiko

        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        where = f"sftp://{self._host}"
        try:
            client.load_system_host_keys(self._known_hosts or None)
            client.connect(
                self._host,
                self._port,
                self._user,
                self._password,
                timeout=self._timeout,
                banner_timeout=self._timeout,
                auth_timeout=self._timeout,
                allow_agent=not self._password,
                look_for_keys=not self._password,
            )
            channel = client.open_sftp()
            opened = channel.get_channel()
            if opened is not None:
                opened.settimeout(self._timeout)
            yield channel
        except paramiko.BadHostKeyException:
            raise CannotRead(
                f"{where} has another key than known_hosts says: {_HINT}"
            ) from None
        except paramiko.AuthenticationException:
            raise CannotRead(
                f"{where} does not take our user's password or keys"
            ) from None
        except paramiko.SSHException as error:
            words = str(redact(str(error)))
            hint = f": {_HINT}" if "known_hosts" in words else ""
            raise CannotRead(f"{where}: {words}{hint}") from None
        except (OSError, EOFError) as error:
            raise CannotRead(
                f"{where}: {redact(str(error)) or type(error).__name__}"
            ) from None
        finally:
            client.close()


def _below(client: SFTPClient, base: str) -> Iterator[Remote]:
    open_folders, count = [base.rstrip("/") or "/"], 0
    try:
        found = client.stat(open_folders[0])
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode or 0):
        yield Remote(base, found.st_size or 0, found.st_mtime or 0)
        return
    while open_folders:
        folder = open_folders.pop()
        for each in client.listdir_iter(folder):
            path = f"{folder.rstrip('/')}/{each.filename}"
            count += 1
            if count > _MOST:
                raise CannotRead(f"{base} has more than {_MOST:,} files below it")
            if stat.S_ISDIR(each.st_mode or 0):
                open_folders.append(path)
            elif stat.S_ISREG(each.st_mode or 0):
                yield Remote(path, each.st_size or 0, each.st_mtime or 0)
