"""One server for all tests of the lab."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.warehouse import PASSWORD
from entrepot_lab.sources import elearning


@pytest.fixture(scope="session")
def server(servers: dict[str, Cluster]) -> Cluster:
    cluster = servers["wheel"]
    cluster.create_role("app", PASSWORD)
    return cluster


@pytest.fixture
def app_url(server: Cluster) -> Iterator[str]:
    server.create_database("app", "app")
    yield server.url("app", "app", PASSWORD)
    server.drop_database("app")


@pytest.fixture(scope="session")
def filled(server: Cluster) -> Iterator[psycopg.Connection]:
    server.create_database("filled", "app")
    url = server.url("filled", "app", PASSWORD)
    with psycopg.connect(url, autocommit=True) as connection:
        elearning.create(connection, 1000)
        yield connection
