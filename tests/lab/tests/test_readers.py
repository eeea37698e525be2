from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest

from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.readers import Poller

ONE = "SELECT 1"
T = "SELECT n FROM t"


@pytest.fixture
def owner(app_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(app_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS n")
        yield connection


def test_a_quiet_time_is_undisturbed(app_url: str, owner: psycopg.Connection) -> None:
    with Poller(app_url, [ONE, T]) as poller:
        owner.execute("UPDATE t SET n = 2")
        time.sleep(0.2)
    poller.assert_undisturbed(1)
    assert poller.values(T) == {1, 2}
    assert poller.seen[T].values == [1, 2]
    assert poller.seen[ONE].answers > 5


def test_an_error_is_remembered_and_polling_goes_on(
    app_url: str, owner: psycopg.Connection
) -> None:
    with Poller(app_url, [T]) as poller:
        owner.execute("ALTER TABLE t RENAME TO u")
        time.sleep(0.1)
        owner.execute("ALTER TABLE u RENAME TO t")
        time.sleep(0.1)
    assert "UndefinedTable" in poller.seen[T].errors[0]
    with pytest.raises(AssertionError, match="errors, first: UndefinedTable"):
        poller.assert_undisturbed()


def test_a_long_wait_is_noticed(app_url: str, owner: psycopg.Connection) -> None:
    with Poller(app_url, [T]) as poller:
        with owner.transaction():
            owner.execute("LOCK TABLE t")
            time.sleep(0.4)
    with pytest.raises(AssertionError, match="waited"):
        poller.assert_undisturbed(0.3)


def test_a_lost_session_is_replaced(
    app_url: str, owner: psycopg.Connection, server: Cluster
) -> None:
    with Poller(app_url, [ONE]) as poller:
        with server.admin() as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'entrepot-lab reader'"
            )
        answers = poller.seen[ONE].answers
        time.sleep(0.2)
        assert poller.seen[ONE].answers > answers
    assert poller.seen[ONE].errors


def test_no_answer_at_all_is_no_success(server: Cluster) -> None:
    with Poller(server.url("nowhere", "app", "x"), [ONE]) as poller:
        pass
    with pytest.raises(AssertionError, match="never answered"):
        poller.assert_undisturbed()
