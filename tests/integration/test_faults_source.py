"""A source that is away, is being deployed to, or takes its snapshot back."""

from __future__ import annotations

import time

from entrepot_lab.faults.moments import SCHEMAS, settle, wait_for_copy, wait_for_step
from entrepot_lab.faults.proxy import Proxy
from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.warehouse import PASSWORD, Lab


def test_a_source_that_refuses_connections(lab: Lab) -> None:
    """F15, F11: waited for as long as that may help; said without the password."""
    nobody = {"SOURCE_DATABASE_URL": lab.source_url(port=1), "CONNECT_BUDGET": "2"}
    status, output = lab.run("run", **nobody)
    assert status == 1, output
    assert "cannot connect to the source (127.0.0.1:1/" in output
    assert lab.run("check", **nobody)[0] == 2, "a check does not wait"
    status, output = lab.run(
        "run", SOURCE_DATABASE_URL=lab.source_url() + "?sslmode=verify-full"
    )
    assert status == 2, output
    assert "SSL" in output
    lab.assert_no_secret(output)
    settle(lab)


def test_a_server_that_comes_back_in_time(own_lab: Lab) -> None:
    """F15: full, or in maintenance, when the night begins."""
    own_lab.night()
    own_lab.source_server.stop("fast")
    with own_lab.warehouse_server.admin() as admin:
        name = "own_warehouse"
        admin.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
        process = own_lab.start("run")
        time.sleep(2)
        own_lab.source_server.start()
        time.sleep(2)
        admin.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
    status, output = own_lab.finish(process)
    assert status == 0, output
    assert "waiting for it" in output
    settle(own_lab)


def test_a_truncate_after_the_snapshot_waits_for_us(lab: Lab) -> None:
    """F20, Z1: the lock makes it wait, so the snapshot's rows are all there."""
    lab.night()
    with lab.source() as other, Proxy("127.0.0.1", lab.source_server.port) as proxy:
        for table in ("answers", "knowledge-elements"):
            columns = {"answers": '(value, "challengeId")'}.get(
                table, '(source, status, "skillId")'
            )
            values = {"answers": "repeat('x', 500), 'r'"}.get(
                table, "repeat('x', 500), 's', 'r'"
            )
            other.execute(
                f'INSERT INTO "{table}" {columns} SELECT {values} FROM generate_series(1, 20000)'
            )
        proxy.throttle(4_000_000)
        process = lab.start("run", SOURCE_DATABASE_URL=lab.source_url(proxy.port))
        wait_for_copy(process, other, "answers")
        other.execute("TRUNCATE answers CASCADE")
        status, output = lab.finish(process)
        assert status == 0, output
        assert "trying once more" not in output
        with lab.warehouse() as warehouse:
            row = warehouse.execute("SELECT count(*) FROM pix.answers").fetchone()
            assert row == (22000,), "never a table that looks empty"
        other.execute("REFRESH MATERIALIZED VIEW answers_by_result")
    settle(lab, "--accept-shrink")


def test_a_deploy_on_the_source_goes_first(lab: Lab) -> None:
    """F21: a lock request of production waits for its budget, then we give way."""
    lab.night()
    with lab.source() as deploy, Proxy("127.0.0.1", lab.source_server.port) as proxy:
        proxy.throttle(50_000)
        process = lab.start(
            "run",
            SOURCE_DATABASE_URL=lab.source_url(proxy.port),
            SOURCE_LOCK_BUDGET="1",
        )
        wait_for_step(lab, "copy")
        proxy.throttle(20_000)
        began = time.monotonic()
        deploy.execute("ALTER TABLE users ADD COLUMN nickname text")
        assert time.monotonic() - began < 10
        proxy.pass_all()
        status, output = lab.finish(process)
    assert status == 0, output
    assert "gave way to process" in output
    assert "users" in output
    settle(lab)


def test_a_long_lock_on_the_source(lab: Lab) -> None:
    """F21: we wait for our share of time, and name the reason."""
    with lab.source() as deploy:
        deploy.autocommit = False
        deploy.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        status, output = lab.run("run", SOURCE_LOCK_TIMEOUT="0.5")
        assert status == 2, output
        assert "lock timeout" in output
        deploy.rollback()
    settle(lab)


def test_a_lost_snapshot(lab: Lab) -> None:
    """F23: the holder's session ends; the run does not go on as if nothing had happened."""
    lab.night()
    with (
        Proxy("127.0.0.1", lab.source_server.port) as proxy,
        lab.source_server.admin() as admin,
    ):
        proxy.throttle(100_000)
        process = lab.start("run", SOURCE_DATABASE_URL=lab.source_url(proxy.port))
        wait_for_step(lab, "copy")
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'entrepot pg-replica snapshot'"
        )
        time.sleep(2)
        proxy.pass_all()
        status, output = lab.finish(process)
    assert status == 0, output
    assert "snapshot was lost" in output
    settle(lab)


def test_the_snapshot_is_given_up_at_its_limit(lab: Lab) -> None:
    """F10, F23: production is not held longer than allowed."""
    lab.night()
    with Proxy("127.0.0.1", lab.source_server.port) as proxy:
        proxy.throttle(30_000)
        process = lab.start(
            "run", SOURCE_DATABASE_URL=lab.source_url(proxy.port), SNAPSHOT_LIMIT="2"
        )
        status, output = lab.finish(process)
    assert status == 1, output
    assert "held for its limit of 2 s" in output
    settle(lab)


def test_a_standby_as_the_source(own_lab: Lab, standby: Cluster) -> None:
    """F22: a standby serves as well; its promotion during the copy ends the run."""
    url = standby.url("own_source", "app", PASSWORD)
    own_lab.night(SOURCE_DATABASE_URL=url)
    own_lab.assert_replicated(SCHEMAS)
    with Proxy("127.0.0.1", standby.port) as proxy:
        proxy.throttle(500_000)
        slow = standby.url("own_source", "app", PASSWORD, port=proxy.port)
        process = own_lab.start("run", SOURCE_DATABASE_URL=slow)
        wait_for_step(own_lab, "copy")
        with standby.admin() as admin:
            admin.execute("SELECT pg_promote()")
        status, output = own_lab.finish(process)
    assert status == 1, output
    assert "was promoted" in output
    settle(own_lab)
