"""What these tests need beside the fixtures of `entrepot_lab.fixtures`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot_lab.postgres.cluster import Cluster, embedded_binaries
from entrepot_lab.postgres.warehouse import Lab
from entrepot_lab.sources.s3 import S3Server


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
