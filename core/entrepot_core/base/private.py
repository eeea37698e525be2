"""Files that only our own user may read: logs, reports, state and dumps hold what tables hold."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_OURS_ALONE = 0o077  # what a umask takes from everybody else
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def keep_private(folders: Iterable[Path] = ()) -> None:
    """Make every file from now on for our user alone, our children's too.

    Args:
        folders: Where such files are; those that an earlier release left open are closed. What
            belongs to another user stays as it is.
    """
    os.umask(_OURS_ALONE)
    for folder in folders:
        with suppress(OSError):
            if folder.is_dir() and _is_open(folder):
                _close(folder)


def _is_open(path: Path) -> bool:
    return bool(path.lstat().st_mode & _OTHERS)


def _close(folder: Path) -> None:
    folder.chmod(0o700)  # from here on nobody else reaches what is in it
    for path in [*folder.glob("*"), *folder.glob("*/*")]:
        with suppress(OSError):
            if not path.is_symlink() and _is_open(path):
                path.chmod(stat.S_IMODE(path.lstat().st_mode) & ~_OTHERS)
