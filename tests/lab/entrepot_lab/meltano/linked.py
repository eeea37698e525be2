"""The project in another folder, so that what it writes there is not the owner's own."""

from __future__ import annotations

from pathlib import Path

from entrepot_lab.postgres.servers import ROOT

_OWN = (".cache", ".demo", ".entrepot", ".env", ".git")


def linked(folder: Path) -> Path:
    """Make a folder that is the project, but for what it keeps: reports, logs, settings.

    Args:
        folder: Where; made if it is missing.

    Returns:
        The folder. Meltano's plugins are the project's own: making them takes minutes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in ROOT.iterdir():
        link = folder / path.name
        if path.name not in _OWN and not link.exists():
            link.symlink_to(path)
    return folder
