from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Literal

import psycopg
import pytest

from entrepot_lab.faults.proxy import Proxy
from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.warehouse import PASSWORD

BIG = "SELECT repeat('x', 200000)"


@pytest.fixture
def proxy(server: Cluster) -> Iterator[Proxy]:
    with Proxy("127.0.0.1", server.port) as proxy:
        yield proxy


@pytest.fixture
def through(
    proxy: Proxy, server: Cluster, app_url: str
) -> Iterator[psycopg.Connection]:
    url = server.url("app", "app", PASSWORD, port=proxy.port)
    connection = psycopg.connect(url, autocommit=True)
    yield connection
    connection.close()


@pytest.fixture
def direct(app_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(app_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (n int)")
        yield connection


def rows(connection: psycopg.Connection) -> int:
    return connection.execute("SELECT count(*) FROM t").fetchone()[0]


def test_it_forwards_everything(proxy: Proxy, through: psycopg.Connection) -> None:
    assert len(through.execute(BIG).fetchone()[0]) == 200_000
    assert proxy.connections == 1


def test_a_stall_is_silence_and_ends(
    proxy: Proxy, through: psycopg.Connection, direct: psycopg.Connection
) -> None:
    proxy.stall()
    through.pgconn.send_query(b"INSERT INTO t VALUES (1)")
    through.pgconn.flush()
    time.sleep(0.2)
    through.pgconn.consume_input()
    assert through.pgconn.is_busy()
    assert rows(direct) == 0
    assert proxy.connections == 1, "nobody was told"
    proxy.pass_all()
    proxy.reset()


def test_a_reset_breaks_open_connections_only(
    proxy: Proxy, through: psycopg.Connection, server: Cluster
) -> None:
    proxy.reset()
    with pytest.raises(psycopg.OperationalError):
        through.execute("SELECT 1")
    url = server.url("app", "app", PASSWORD, port=proxy.port)
    with psycopg.connect(url) as again:
        assert again.execute("SELECT 1").fetchone() == (1,)


def test_a_throttle_takes_its_time(proxy: Proxy, through: psycopg.Connection) -> None:
    proxy.throttle(400_000)
    began = time.monotonic()
    through.execute(BIG)
    assert time.monotonic() - began > 0.4
    proxy.pass_all()
    began = time.monotonic()
    through.execute(BIG)
    assert time.monotonic() - began < 0.4


@pytest.mark.parametrize(("outcome", "expected"), [("done", 1), ("lost", 0)])
def test_a_commit_of_unknown_outcome(
    proxy: Proxy,
    through: psycopg.Connection,
    direct: psycopg.Connection,
    outcome: Literal["done", "lost"],
    expected: int,
) -> None:
    through.execute("BEGIN")
    through.execute("INSERT INTO t VALUES (1)")
    proxy.cut_at(b"COMMIT", outcome=outcome)
    with pytest.raises(psycopg.OperationalError):
        through.execute("COMMIT")
    assert proxy.cuts == 1
    assert rows(direct) == expected


def test_a_cut_is_made_once(
    proxy: Proxy,
    through: psycopg.Connection,
    server: Cluster,
    direct: psycopg.Connection,
) -> None:
    proxy.cut_at(b"INSERT INTO t")
    with pytest.raises(psycopg.OperationalError):
        through.execute("INSERT INTO t VALUES (1)")
    url = server.url("app", "app", PASSWORD, port=proxy.port)
    with psycopg.connect(url, autocommit=True) as again:
        again.execute("INSERT INTO t VALUES (2)")
    assert rows(direct) == 2


def test_no_server_behind_is_a_closed_door() -> None:
    with Proxy("127.0.0.1", 1) as proxy:
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(f"postgresql://app:x@127.0.0.1:{proxy.port}/app")
