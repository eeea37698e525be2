"""The servers that tests share: the wheel's PostgreSQL, and the machine's own if it has one."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from entrepot_lab.postgres.cluster import (
    FAST_BUT_FORGETFUL,
    SUPERUSER,
    Cluster,
    embedded_binaries,
    system_binaries,
)
from entrepot_lab.postgres.warehouse import Lab
from entrepot_lab.sources import elearning

ROOT = Path(__file__).resolve().parents[4]
SETTINGS = {
    **FAST_BUT_FORGETFUL,
    "max_connections": "60",
    "max_prepared_transactions": "2",
    # Databases are made and dropped all the time, with a checkpoint each: the log stays short.
    "max_wal_size": "512MB",
}
ANSWERS, MANY_ANSWERS = 2000, 60_000  # of the invented source, and of one worth a kill
_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30  # bytes that must be free for servers to work in memory
_CHEAP_PASSWORDS = 16  # the first major version whose passwords may cost less


@contextmanager
def data_folder(otherwise: Path) -> Iterator[Path]:
    """Give a folder for the data of servers: in memory, where there is room.

    A seventh of the time of all tests went into the creation of files on a disk. scripts/test
    looks for servers that a killed run has left there.

    Args:
        otherwise: A folder on disk.

    Yields:
        The folder.
    """
    try:
        has_room = min(shutil.disk_usage(_MEMORY).free, _free_memory()) >= _ROOM
    except OSError:
        has_room = False
    if not has_room or not os.access(_MEMORY, os.W_OK):
        yield otherwise
        return
    ours = _MEMORY / f"entrepot{str(ROOT).replace('/', '-')}"
    ours.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix="with space ", dir=ours, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def _free_memory() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    (available,) = (line for line in lines if line.startswith("MemAvailable:"))
    return int(available.split()[1]) << 10


@dataclass
class Servers:
    """The servers of one test process, made when they are first asked for.

    Attributes:
        folder: For their data.
    """

    folder: Path
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _own: tuple[Cluster, Cluster] | None = None
    _initialised: dict[Path, Cluster] = field(default_factory=dict)

    def create(self, binaries: Path, settings: dict[str, str]) -> Cluster:
        """Make and start a server.

        Args:
            binaries: The folder of its programs.
            settings: Lines for `postgresql.conf`.

        Returns:
            A server whose passwords cost little, where its version can do that.
        """
        if binaries not in self._initialised:
            self._initialised[binaries] = self._next(binaries).create()
        first = self._initialised[binaries]
        if first.major >= _CHEAP_PASSWORDS:
            settings = {**settings, "scram_iterations": "1"}
        cluster = self._next(binaries).copy(first, settings)
        cluster.start()
        cluster.create_role(SUPERUSER, cluster.password)
        return cluster

    def own(self) -> tuple[Cluster, Cluster]:
        """Make a pair of servers that nobody else uses, and start them.

        Returns:
            A source with the filled database `own_source`, and a warehouse with the empty
            `own_warehouse`.
        """
        if self._own is None:
            # A killed server must come back with what it had committed.
            durable = {"synchronous_commit": "on", "max_wal_size": "1GB"}
            self._own = (
                self.create(embedded_binaries(), SETTINGS),
                self.create(embedded_binaries(), durable),
            )
            lab = Lab(*self._own, "own", self.folder).create()
            with lab.source() as connection:
                elearning.create(connection, MANY_ANSWERS)
            for cluster in self._own:
                cluster.stop()
        source, warehouse = (
            self._next(each.binaries).copy(each).start() for each in self._own
        )
        return source, warehouse

    def _next(self, binaries: Path) -> Cluster:
        return Cluster(self.folder / f"{next(self._numbers)}", binaries)


@contextmanager
def started(servers: Servers) -> Iterator[dict[str, Cluster]]:
    """Start one server of each kind, and stop them afterwards.

    Args:
        servers: Makes them.

    Yields:
        The servers by name: `wheel`, and `system` if the machine has one.
    """
    binaries = {"wheel": embedded_binaries()}
    if found := system_binaries():
        binaries["system"] = found[0]
    clusters = {name: servers.create(path, SETTINGS) for name, path in binaries.items()}
    try:
        yield clusters
    finally:
        for cluster in clusters.values():
            cluster.stop("immediate")
