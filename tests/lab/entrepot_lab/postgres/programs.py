"""PostgreSQL's programs, which refuse to run as root, and the processes of a server."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

_NOBODY = 65534
_NAMESPACE = ["unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}"]


@cache
def _namespaces_work() -> bool:
    if shutil.which("unshare") is None:
        return False
    probe = subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False)
    return probe.returncode == 0


def run_program(folder: Path, program: Path, *arguments: str) -> None:
    """Run one of PostgreSQL's programs as the user that its server runs as: never as root.

    Args:
        folder: The server's folder, with its log.
        program: The program.
        *arguments: Its arguments.

    Raises:
        RuntimeError: If it fails, with what it and the server's log said.
    """
    command = [str(program), *arguments]
    options: dict[str, object] = {}
    if os.geteuid() == 0:
        if _namespaces_work():
            command = [*_NAMESPACE, *command]
        else:
            options = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
    log = folder / "log"
    old = log.stat().st_size if log.exists() else 0
    done = subprocess.run(  # type: ignore[call-overload]
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        # pg_ctl gets no pipe: the server would inherit it and keep it open.
        stderr=subprocess.DEVNULL if program.name == "pg_ctl" else subprocess.PIPE,
        cwd=folder,
        env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
        start_new_session=True,
        check=False,
        **options,
    )
    if done.returncode != 0:
        said = (done.stderr or b"").decode(errors="replace")
        if log.exists():
            said += log.read_bytes()[old:].decode(errors="replace")[-2000:]
        raise RuntimeError(f"{program.name} failed in {folder}: {said}")


def give_to_server(folder: Path) -> None:
    """Give the folder to the user that the server will run as.

    Args:
        folder: The server's folder.

    Raises:
        RuntimeError: If that user could not reach it.
    """
    if os.geteuid() != 0 or _namespaces_work():
        return
    for item in (folder, *folder.rglob("*")):
        os.chown(item, _NOBODY, _NOBODY)
    closed = [up for up in folder.parents if not up.stat().st_mode & 0o001]
    if closed:
        raise RuntimeError(
            "PostgreSQL refuses to run as root, this machine allows no user namespaces "
            f"(unshare --user), and the user nobody may not enter {closed[0]}: run this "
            "as an ordinary user"
        )


def processes_in(folder: Path) -> list[int]:
    """List a server's processes: all that work in its data directory.

    Args:
        folder: The data directory.

    Returns:
        Their ids.
    """
    processes = Path("/proc").glob("[0-9]*")
    return [int(one.name) for one in processes if works_in(folder, one)]


def works_in(folder: Path, process: Path) -> bool:
    """Say whether a process works in a folder.

    Args:
        folder: The folder.
        process: The process, as `/proc` has it.

    Returns:
        Whether it does, as far as we may know.
    """
    try:
        return (process / "cwd").readlink() == folder
    except OSError:  # it has ended, waits to be buried, or is somebody else's
        return False
