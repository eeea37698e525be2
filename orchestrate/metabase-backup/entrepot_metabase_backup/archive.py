"""A backup brought back here, and what can be known of it before it is restored."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from entrepot_core.backups.places import SUM, Place
from entrepot_core.base.errors import Refused, RunFailed
from entrepot_core.base.logs import event
from entrepot_core.postgres import client_tools
from entrepot_core.postgres.client_tools import ClientTools
from entrepot_metabase_backup.database import CHANGES, version

_SERVER = re.compile(r"^;\s+Dumped from database version: (\d+)", re.MULTILINE)
_TABLE_DATA = re.compile(r"^\d+; \d+ \d+ TABLE DATA (\S+) (.+) \S+$", re.MULTILINE)


@dataclass(frozen=True)
class Archive:
    """A backup.

    Attributes:
        file: Where.
        pair: The tools that can read it.
        server: The major version of the server it comes from.
        tables: How many tables it has.
        version: The version of Metabase that it comes from; None if unknown.
    """

    file: Path
    pair: ClientTools
    server: int
    tables: int
    version: int | None


def check_sum(place: Place, name: str, file: Path) -> None:
    """Compare a backup with the checksum beside it.

    Args:
        place: Where it comes from.
        name: Its name there.
        file: The copy here.

    Raises:
        Refused: If it is not what was stored.
    """
    if name + SUM not in place.names():
        event(f"{place.path(name)}: no checksum beside it", logging.WARNING)
        return
    wanted = place.read_text(name + SUM).split()[0]
    found = hashlib.sha256()
    with file.open("rb") as blocks:
        while block := blocks.read(1024**2):
            found.update(block)
    if found.hexdigest() != wanted:
        raise Refused(
            [
                (
                    f"{place.path(name)} is damaged: its SHA-256 is {found.hexdigest()}, not "
                    f"{wanted}: take another backup"
                )
            ]
        )


def read(file: Path, name: str, pairs: list[ClientTools]) -> Archive:
    """Read a backup's table of contents.

    Args:
        file: The backup.
        name: What people call it.
        pairs: Tools that may read it.

    Returns:
        The archive.

    Raises:
        Refused: If none can, or if it is no backup of Metabase.
    """
    complaints = []
    for pair in pairs:
        try:
            contents = _text(pair, ["--list", str(file)])
        except RunFailed as error:
            complaints.append(str(error))
            continue
        tables = {found[1] for found in _TABLE_DATA.findall(contents)}
        if CHANGES not in tables:
            raise Refused(
                [f"{name} is no backup of Metabase: it has no table {CHANGES}"]
            )
        server = _SERVER.search(contents)
        rows = _text(pair, ["--data-only", f"--table={CHANGES}", "--file=-", str(file)])
        ids = [line.split("\t")[0] for line in rows.splitlines()]
        return Archive(
            file, pair, int(server.group(1)) if server else 0, len(tables), version(ids)
        )
    raise Refused([f"{name} is no dump that can be read: {complaints[-1]}"])


def _text(pair: ClientTools, options: list[str]) -> str:
    with client_tools.reading([pair.path("pg_restore"), *options]) as output:
        return output.read().decode()
