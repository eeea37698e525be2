"""The project in another folder, so that what it writes there is not the owner's own."""

from __future__ import annotations

import shutil
from pathlib import Path

from entrepot_lab.postgres.servers import ROOT

_OWN = (".demo", ".entrepot", ".env", ".git", ".meltano", ".venv", "local")
_PLUGINS = ("extractors", "loaders", "mappers", "utilities")
_leave_out = shutil.ignore_patterns(*_OWN, ".*cache", "__pycache__", ".hypothesis")


def copied(folder: Path) -> Path:
    """Copy the project, but for what it keeps: reports, logs, settings.

    Meltano finds no file of a project outside its folder, so that links would not do.

    Args:
        folder: Where; it must not be there yet.

    Returns:
        The folder. The environments are the project's own: making them takes minutes.
    """
    shutil.copytree(ROOT, folder, ignore=_leave_out)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / ".meltano").mkdir()
    for kind in _PLUGINS:
        (ROOT / ".meltano" / kind).mkdir(parents=True, exist_ok=True)
        (folder / ".meltano" / kind).symlink_to(ROOT / ".meltano" / kind)
    return folder
