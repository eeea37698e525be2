"""Faults of connections and servers while a night runs: each ends in an answer, none in a lie."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from entrepot_lab.faults.moments import settle, wait_for_copy, wait_for_step
from entrepot_lab.faults.proxy import Proxy
from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.readers import Poller
from entrepot_lab.postgres.warehouse import READER, Lab
from entrepot_lab.sources import elearning

USERS = "SELECT count(*) FROM pix.users"
SEED = int(os.environ.get("ENTREPOT_TEST_SEED", "20240229"))
A_NIGHT = 1.2  # seconds within which the random moments fall
# How often each kind of process is killed; the suite has 15 minutes, a night of testing has more.
MOMENTS = int(os.environ.get("ENTREPOT_TEST_MOMENTS", "4"))


def backends(server: Cluster, database: str) -> list[int]:
    """Find server processes that copy for us."""
    with server.admin() as admin:
        rows = admin.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname LIKE %s AND query LIKE 'COPY%%'"
            " AND application_name LIKE 'entrepot pg-replica work%%' AND state = 'active'",
            [f"%{database}"],
        )
        return [row[0] for row in rows]


def when_active(
    server: Cluster, what: str, act: Callable[[int], None]
) -> threading.Thread:
    """Act once on a server process of ours, as soon as there is one."""

    def look() -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if found := backends(server, what):
                    act(found[0])
                    return
            except psycopg.Error:
                pass
            time.sleep(0.005)

    thread = threading.Thread(target=look)
    thread.start()
    return thread


def test_a_terminated_source_backend_is_not_an_end_of_copy(lab: Lab) -> None:
    """F02, W2: what was received is not believed, and the whole is read again."""
    with lab.source() as other, Proxy("127.0.0.1", lab.source_server.port) as proxy:
        other.execute(
            "INSERT INTO answers (value, \"challengeId\") SELECT repeat('x', 200), 'r'"
            " FROM generate_series(1, 100000)"
        )
        other.execute("REFRESH MATERIALIZED VIEW answers_by_result")
        proxy.throttle(4_000_000)
        process = lab.start("run", SOURCE_DATABASE_URL=lab.source_url(proxy.port))
        reader = wait_for_copy(process, other, "answers")
        with lab.source_server.admin() as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", [reader])
        proxy.pass_all()
        status, output = lab.finish(process)
    assert status == 0, output
    assert "trying once more" in output
    assert "the source ended the copy" in output
    settle(lab)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("side", ["warehouse", "source"])
def test_a_killed_server_process(own_lab: Lab, side: str) -> None:
    """F03: the server restarts and drops all sessions; tried once more when it is back."""
    own_lab.night()
    with own_lab.source() as connection:
        elearning.next_day(connection)
    server = own_lab.warehouse_server if side == "warehouse" else own_lab.source_server
    thread = when_active(server, side, lambda pid: os.kill(pid, signal.SIGKILL))
    status, output = own_lab.run("run")
    thread.join()
    assert status == 0, output
    assert "trying once more" in output
    settle(own_lab)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("side", ["warehouse", "source"])
def test_a_server_process_killed_at_random_moments(own_lab: Lab, side: str) -> None:
    """F02, F03: whichever session of ours it served, in whichever step."""
    moments = random.Random(f"{SEED} {side}")
    own_lab.night()
    with own_lab.source() as connection:
        users = connection.execute("SELECT count(*) FROM users").fetchone()
    server = own_lab.warehouse_server if side == "warehouse" else own_lab.source_server
    killed = 0
    for _ in range(MOMENTS):
        process = own_lab.start("run")
        time.sleep(moments.uniform(0.1, A_NIGHT))
        while process.poll() is None and not killed_one(server, moments):
            time.sleep(0.01)
        killed += process.returncode is None
        status, output = own_lab.finish(process)
        assert "Traceback" not in output, output
        # 2 where it fell into the checks before all work; else one fault is survived.
        assert status in (0, 2, 4), output
        assert ask_when_up(own_lab, USERS) == users
    assert killed > MOMENTS // 4
    settle(own_lab)


def ask_when_up(lab: Lab, query: str) -> tuple | None:
    """Ask as a reader, once the server has recovered."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with lab.warehouse(READER) as reader:
                return reader.execute(query).fetchone()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def killed_one(server: Cluster, moments: random.Random) -> bool:
    """Kill one of the server's processes that serve us; say whether there was one."""
    found = []
    with suppress(psycopg.Error), server.admin() as admin:
        found = admin.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'entrepot pg-replica%'"
        ).fetchall()
    if not found:
        return False
    (pid,) = moments.choice(found)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}").exists():
        time.sleep(0.005)  # until the server has noticed: it takes no session then
    return True


def test_a_reset_at_the_swap_s_commit(lab: Lab) -> None:
    """F09: the outcome is asked for, and the swap is never done twice."""
    lab.night()
    with Proxy("127.0.0.1", lab.warehouse_server.port) as proxy:
        url = lab.warehouse_url(port=proxy.port)
        proxy.cut_at(b'RENAME TO "pix"', outcome="done")
        output = lab.night(TARGET_DATABASE_URL=url)
        assert proxy.cuts >= 1
        assert "trying once more" in output, (
            "cut before its COMMIT, the swap is not done"
        )
    with lab.warehouse() as warehouse:
        published = warehouse.execute(
            "SELECT count(*) FROM entrepot_ops.publications"
        ).fetchone()
        assert published == (2,)
    settle(lab)


def test_a_lost_answer_to_the_commit(lab: Lab) -> None:
    """F09: committed, but the answer was lost."""
    lab.night()
    with (
        Proxy("127.0.0.1", lab.warehouse_server.port) as proxy,
        lab.warehouse() as watcher,
    ):
        process = lab.start(
            "run", TARGET_DATABASE_URL=lab.warehouse_url(port=proxy.port)
        )
        wait_for_step(lab, "publish")
        proxy.cut_at(b"COMMIT", outcome="done")
        status, output = lab.finish(process)
        assert status == 0, output
        row = watcher.execute(
            "SELECT count(DISTINCT run_id), count(*) FROM entrepot_ops.publications"
        ).fetchone()
        assert row == (2, 2)
    settle(lab)


@pytest.mark.parametrize("side", ["source", "warehouse"])
@pytest.mark.parametrize(
    "step", ["read", "schema", "copy", "constraints", "verify", "publish"]
)
def test_a_connection_reset_in_each_step(lab: Lab, side: str, step: str) -> None:
    """Both servers unreachable at each phase: the run fails or recovers, readers see nothing."""
    lab.night()
    server = lab.source_server if side == "source" else lab.warehouse_server
    with (
        Proxy("127.0.0.1", server.port) as proxy,
        Poller(lab.warehouse_url(READER), [USERS]) as poller,
    ):
        variable = "SOURCE_DATABASE_URL" if side == "source" else "TARGET_DATABASE_URL"
        url = (
            lab.source_url(proxy.port)
            if side == "source"
            else lab.warehouse_url(port=proxy.port)
        )
        process = lab.start("run", **{variable: url})
        try:
            wait_for_step(lab, step, seconds=10)
        except AssertionError:
            pass  # it was too quick to be seen: the reset then falls a little later
        proxy.reset()
        status, output = lab.finish(process)
        assert status in (0, 1, 4), output
        assert "Traceback" not in output, output
    poller.assert_undisturbed()
    settle(lab)


def test_a_silent_network(lab: Lab) -> None:
    """F07: packets vanish without a reset; noticed in NETWORK_TIMEOUT, not after hours."""
    lab.night()
    with Proxy("127.0.0.1", lab.source_server.port) as proxy:
        proxy.throttle(300_000)
        process = lab.start(
            "run", SOURCE_DATABASE_URL=lab.source_url(proxy.port), NETWORK_TIMEOUT="3"
        )
        wait_for_step(lab, "copy")
        proxy.stall()
        began = time.monotonic()
        status, output = lab.finish(process)
    assert status == 1, output
    assert time.monotonic() - began < 60
    assert "the source" in output
    settle(lab)


def test_an_index_that_nobody_waits_for_any_more(lab: Lab) -> None:
    """F08: the next run ends what a dead run still has working on the server."""
    lab.night()
    with lab.warehouse() as orphan:
        orphan.execute("SET application_name = 'entrepot pg-replica work 0'")
        thread = threading.Thread(target=_sleep, args=(orphan,))
        thread.start()
        time.sleep(0.3)
        lab.night()
        thread.join(5)
        assert not thread.is_alive()
    settle(lab)


def _sleep(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.AdminShutdown):
        connection.execute("SELECT pg_sleep(60)")


def test_a_full_disk_on_the_warehouse(own_lab: Lab) -> None:
    """F12: says so, and gives the space back. A limit on temporary files stands for the disk."""
    own_lab.night()
    with own_lab.warehouse_server.admin() as admin:
        admin.execute("ALTER SYSTEM SET temp_file_limit = '100kB'")
        admin.execute("ALTER SYSTEM SET maintenance_work_mem = '1MB'")
        admin.execute("SELECT pg_reload_conf()")
    status, output = own_lab.run("run", MAINTENANCE_WORK_MEM="1MB")
    assert status == 1, output
    assert "temp_file_limit" in output
    own_lab.assert_clean()
    with own_lab.warehouse_server.admin() as admin:
        admin.execute("ALTER SYSTEM RESET ALL")
        admin.execute(f"ALTER SYSTEM SET port = {own_lab.warehouse_server.port}")
        admin.execute("ALTER SYSTEM SET unix_socket_directories = ''")
        admin.execute("SELECT pg_reload_conf()")
    settle(own_lab)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_is_really_full(own_lab: Lab, tmp_path: Path) -> None:
    """F12: PostgreSQL's own words, what to do, and the space given back."""
    disk = tmp_path / "disk"
    disk.mkdir()
    server = own_lab.warehouse_server
    mount = ["mount", "-t", "tmpfs", "-o", "size=120m,mode=0777", "tmpfs", str(disk)]
    subprocess.run(mount, check=True)
    try:
        with server.admin() as admin:
            admin.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
            admin.execute("ALTER DATABASE own_warehouse SET TABLESPACE small")
        own_lab.night()
        with own_lab.source() as connection:
            connection.execute(
                "CREATE TABLE big AS SELECT repeat('x', 200) FROM generate_series(1, 700000)"
            )
        with Poller(own_lab.warehouse_url(READER), [USERS]) as poller:
            status, output = own_lab.run("run")
        assert status == 1, output
        assert "No space left on device" in output
        assert "free space on the warehouse" in output
        poller.assert_undisturbed()
        own_lab.assert_clean()
        with own_lab.source() as connection:
            connection.execute("DROP TABLE big")
        settle(own_lab)
    finally:
        own_lab.drop()
        server.stop("immediate")
        subprocess.run(["umount", disk], check=True)
