"""One server for all tests of the core."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import psycopg
import pytest

from entrepot_lab.postgres.cluster import FAST_BUT_FORGETFUL, Cluster, embedded_binaries
from entrepot_lab.postgres.warehouse import OWNER, PASSWORD, READER

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("a server")
    cluster = Cluster(folder, embedded_binaries()).create(FAST_BUT_FORGETFUL).start()
    for role in (OWNER, READER):
        cluster.create_role(role, PASSWORD)
    yield cluster
    cluster.stop("immediate")


@pytest.fixture
def warehouse(server: Cluster) -> Iterator[Callable[..., psycopg.Connection]]:
    """Give what opens sessions on an empty database that an ordinary role owns."""
    name = f"core{next(_numbers)}"
    server.create_database(name, OWNER)
    with server.admin() as admin:
        admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {READER}")
    sessions: list[psycopg.Connection] = []

    def connect(role: str = OWNER) -> psycopg.Connection:
        url = server.url(name, role, PASSWORD)
        sessions.append(psycopg.connect(url, autocommit=True))
        return sessions[-1]

    yield connect
    for session in sessions:
        session.close()
    server.drop_database(name)
