"""The folder through which COPY files go from the tap to the target, bounded in size.

Each run has a folder of its own, locked while the tap or the target works: what a dead run left
is known by its free lock, and removed by the next.
"""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import tempfile
import time
from pathlib import Path

from entrepot_core.base.errors import ReplicaError

_LOCK = "lock"
_PAUSE = 0.05  # seconds between two looks at the size
_PREFIX = "run-"


class ReaderGone(ReplicaError):
    """Nobody reads our messages any more."""


class Spool:
    """A run's folder.

    Attributes:
        folder: Where.
    """

    def __init__(self, root: Path, limit: int) -> None:
        """Remove what dead runs left, and make this run's folder.

        Args:
            root: Of all runs.
            limit: Bytes that may wait for the target before the tap does.
        """
        root.mkdir(parents=True, exist_ok=True)
        for old in root.glob(f"{_PREFIX}*"):
            _remove_if_dead(old)
        self._limit = limit
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        self._lock = (self.folder / _LOCK).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    @property
    def has_room(self) -> bool:
        """Whether another file may be written."""
        return self._size() < self._limit

    def path(self, name: str, *, waits: bool = True) -> Path:
        """Give a new file's path, once there is room for it.

        Args:
            name: The file's name.
            waits: Whether to wait for room; not while files are written that nobody has been
                told of, as nobody removes those.

        Returns:
            The path.

        Raises:
            ReaderGone: If the target has ended, so that there will never be room.
        """
        while waits and not self.has_room:
            if _output_is_closed():
                raise ReaderGone("nobody reads our messages any more")
            time.sleep(_PAUSE)
        return self.folder / name

    def _size(self) -> int:
        """Add up what waits; a file that the target has just removed counts nothing."""
        total = 0
        with os.scandir(self.folder) as entries:
            for entry in entries:
                try:
                    total += entry.stat().st_size
                except FileNotFoundError:
                    continue
        return total

    def close(self) -> None:
        """Let go of the folder; it stays for the target while that has not loaded all."""
        self._lock.close()
        remove_if_empty(self.folder)


def remove_if_empty(folder: Path) -> None:
    """Remove a run's folder when no file of it waits any more, and the tap has ended.

    Args:
        folder: The run's folder.
    """
    if folder.is_dir() and {entry.name for entry in folder.iterdir()} <= {_LOCK}:
        _remove_if_dead(folder)


def _remove_if_dead(folder: Path) -> None:
    try:
        with (folder / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except FileNotFoundError:
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return


def _output_is_closed() -> bool:
    """Say whether the reader of our standard output has gone."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
