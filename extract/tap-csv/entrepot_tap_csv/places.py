"""Where files are: the core's reader, for paths that may hold variables, and SFTP servers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from entrepot_core.base.errors import Refused, RunFailed
from entrepot_core.config.project import project_root
from entrepot_core.storage import places
from entrepot_core.storage.disk import local_name
from entrepot_core.storage.places import Found, wanted
from entrepot_tap_csv.errors import CannotRead
from entrepot_tap_csv.sftp import Remote, Server

_VARIABLE = re.compile(r"\{([A-Z][A-Z0-9_]*)\}")


@dataclass(frozen=True)
class Places(places.Places):
    """Finds files, below the project's folder where a path is relative.

    Attributes:
        known_hosts: A file of SFTP servers' keys; empty for our user's own.
    """

    root: Path = field(default_factory=project_root)
    known_hosts: str = ""

    def find(self, place: str) -> list[Found]:
        """Find all files of a path.

        Args:
            place: A file, folder, pattern, http(s), s3 or sftp URL; `{VARIABLE}` is replaced by it.

        Returns:
            At least one, in the order of their names.

        Raises:
            CannotRead: If there is none, or a variable is missing.
        """
        try:
            return super().find(_with_variables(place))
        except (Refused, RunFailed) as error:
            raise CannotRead(str(error)) from None

    def readers(self) -> dict[str, places.Reader]:
        """Give the core's, and that of SFTP servers."""
        return {**super().readers(), "sftp": self._of_sftp}

    def _of_sftp(self, url: str) -> Iterator[Found]:
        server = Server(url, self.known_hosts, self.timeout)
        base, matches = wanted(server.path)
        for remote in server.files(base):
            name = remote.path[len(base) :].lstrip("/") or Path(remote.path).name
            is_hidden = Path(name).name.startswith(".") and remote.path != server.path
            if not matches(remote.path) or is_hidden:
                continue
            if remote.size > self.limit:
                raise CannotRead(
                    f"{server.shown(remote.path)} has more than {self.limit:,} bytes (setting "
                    "max_bytes)"
                )
            mark = {"size": remote.size, "modified": remote.modified}
            yield Found(name, mark, partial(self._fetch_sftp, server, remote))

    def _fetch_sftp(self, server: Server, remote: Remote) -> Path:
        identity = (server.shown(remote.path), remote.size, remote.modified)
        target = local_name(self.folder(), Path(remote.path).name, *identity)
        return server.fetch(remote, target, self.limit)


def _with_variables(path: str) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        if not (text := os.environ.get(name, "")):
            raise CannotRead(f"{name} is missing: see .env.example")
        return text.rstrip("/") if match.end() < len(path) else text

    return _VARIABLE.sub(value, path)
