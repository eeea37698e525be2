"""Things die, networks fail, disks fill: readers keep the previous night, the next run succeeds."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from entrepot_lab.faults.proxy import Proxy
from entrepot_lab.postgres.cluster import Cluster, embedded_binaries
from entrepot_lab.postgres.readers import Poller
from entrepot_lab.postgres.warehouse import PASSWORD, READER, Lab
from entrepot_lab.sources import elearning

SCHEMAS = {"public": "pix", "pgboss": "pix_pgboss", "audit": "pix_audit"}
USERS = "SELECT count(*) FROM pix.users"
SEED = int(os.environ.get("ENTREPOT_TEST_SEED", "20240229"))
A_NIGHT = 1.2  # seconds within which the random moments fall
# How often each kind of process is killed; the suite has 15 minutes, a night of testing has more.
MOMENTS = int(os.environ.get("ENTREPOT_TEST_MOMENTS", "4"))


def settle(lab: Lab) -> None:
    """Do what every scenario ends with: the next run succeeds, and leaves nothing behind."""
    lab.night()
    lab.assert_replicated(SCHEMAS)
    status, output = lab.run("drop-previous")
    assert status == 0, output
    lab.assert_clean()


def children_of(pid: int, name: str) -> list[int]:
    """Find a process's children by the name of their program, before a quick one has ended.

    One that only says its version is left alone: its death is survived.
    """
    found = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # a thread, or the process, has just ended
            found += [int(each) for each in listed.read_text().split()]
    return [each for each in found if _works(each, name)]


def _works(pid: int, name: str) -> bool:
    with suppress(OSError):
        program, *arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return Path(program.decode()).name == name and b"--version" not in arguments
    return False


def wait_for_step(lab: Lab, step: str, seconds: float = 30) -> None:
    """Wait until a run says that it is in a step."""
    deadline = time.monotonic() + seconds
    with lab.warehouse() as warehouse:
        while time.monotonic() < deadline:
            row = warehouse.execute(
                "SELECT step FROM entrepot_ops.runs WHERE status = 'running'"
            ).fetchone()
            if row == (step,):
                return
            time.sleep(0.01)
    raise AssertionError(f"no run reached step {step}")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("victim", ["pg-replica", "its process group"])
def test_killed_at_random_moments(lab: Lab, victim: str) -> None:
    """F01, F42, F43."""
    moments = random.Random(f"{SEED} {victim}")
    lab.night()
    with Poller(lab.warehouse_url(READER), [USERS]) as poller:
        for _ in range(MOMENTS):
            process = lab.start("run")
            time.sleep(moments.uniform(0, A_NIGHT))
            with suppress(ProcessLookupError):
                if victim == "pg-replica":
                    process.kill()
                else:
                    os.killpg(process.pid, signal.SIGKILL)
            status, output = lab.finish(process)
            assert "Traceback" not in output, output
            assert status in (0, -signal.SIGKILL), output
    poller.assert_undisturbed()
    settle(lab)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("tool", ["pg_dump", "pg_restore"])
def test_a_client_tool_killed_at_random_moments(lab: Lab, tool: str) -> None:
    """Whatever its tool had written by then is not taken for the whole."""
    moments = random.Random(f"{SEED} {tool}")
    lab.night()
    variables = {}
    if tool == "pg_restore":
        archive = lab.folder / "archive"
        dump_to(lab, archive)
        variables["DUMP_PATH"] = str(archive)
    killed = 0
    with Poller(lab.warehouse_url(READER), [USERS]) as poller:
        # A moment may find the tool gone already, so some are tried in vain.
        for _ in range(10 * MOMENTS):
            process = lab.start("run", **variables)
            time.sleep(moments.uniform(0, 0.6))
            killed += kill_child(process, tool, moments.uniform(0, 0.02))
            status, output = lab.finish(process)
            assert "Traceback" not in output, output
            assert status in (0, 1), output
            if killed == MOMENTS:
                break
    assert killed == MOMENTS
    poller.assert_undisturbed()
    settle(lab)


def dump_to(lab: Lab, path: Path) -> None:
    """Dump the source into a custom archive."""
    pg_dump = str(embedded_binaries() / "pg_dump")
    command = [pg_dump, "-Fc", "-f", str(path), lab.source_url()]
    subprocess.run(command, check=True)


def kill_child(process: subprocess.Popen[str], name: str, pause: float) -> bool:
    """Wait for a child of that name, then kill it a moment later; say whether it still lived."""
    while process.poll() is None:
        if children := children_of(process.pid, name):
            time.sleep(pause)
            with suppress(ProcessLookupError):
                os.kill(children[0], signal.SIGKILL)
                return True
        time.sleep(0.0005)
    return False


@pytest.mark.timeout(180)
def test_drop_previous_killed_at_moments(lab: Lab) -> None:
    """F42: what is left is dropped the next time."""
    moments = random.Random(f"{SEED} drop-previous")
    lab.night()
    with Poller(lab.warehouse_url(READER), [USERS]) as poller:
        for _ in range(6):
            lab.night()
            process = lab.start("drop-previous")
            time.sleep(moments.uniform(0, 0.5))
            process.kill()
            lab.finish(process)
    poller.assert_undisturbed()
    settle(lab)


def test_an_interrupted_run_is_named_by_the_next(lab: Lab) -> None:
    """F01: the next start says which run was interrupted, and in which step."""
    with Proxy("127.0.0.1", lab.source_server.port) as proxy:
        lab.night()
        proxy.throttle(200_000)
        process = lab.start("run", SOURCE_DATABASE_URL=lab.source_url(proxy.port))
        wait_for_step(lab, "copy")
        process.kill()
        lab.finish(process)
    assert "was interrupted in step copy" in lab.night()
    settle(lab)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_cleanly(lab: Lab, number: signal.Signals) -> None:
    """F05: cancelled, not failed; the landing is given back before the process ends."""
    lab.night()
    with Proxy("127.0.0.1", lab.source_server.port) as proxy:
        proxy.throttle(100_000)
        process = lab.start("run", SOURCE_DATABASE_URL=lab.source_url(proxy.port))
        wait_for_step(lab, "copy")
        began = time.monotonic()
        process.send_signal(number)
        status, output = lab.finish(process)
    assert status == 128 + number, output
    assert time.monotonic() - began < 30
    lab.assert_clean()
    with lab.warehouse() as warehouse:
        row = warehouse.execute(
            "SELECT status FROM entrepot_ops.runs ORDER BY run_id DESC LIMIT 1"
        )
        assert row.fetchone() == ("cancelled",)
    settle(lab)


def test_the_death_of_meltano_ends_the_run(lab: Lab) -> None:
    """F43: a killed parent must not leave us writing as an orphan."""
    lab.night()
    with Proxy("127.0.0.1", lab.source_server.port) as proxy:
        proxy.throttle(100_000)
        parent = subprocess.Popen(
            ["sh", "-c", '"$0" -m pg_replica run; true', sys.executable],
            env={
                **lab.env,
                "SOURCE_DATABASE_URL": lab.source_url(proxy.port),
                "MELTANO_PROJECT_ROOT": str(lab.folder),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_step(lab, "copy")
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + 30
        with lab.warehouse() as warehouse:
            last = "SELECT status FROM entrepot_ops.runs ORDER BY run_id DESC LIMIT 1"
            while warehouse.execute(last).fetchone() == ("running",):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            assert warehouse.execute(last).fetchone() == ("cancelled",)
    settle(lab)


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


def readers_of(connection: psycopg.Connection, table: str) -> list[int]:
    """Find the source's processes that copy a table for us, and have its lock."""
    rows = connection.execute(
        "SELECT l.pid FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid"
        " WHERE l.relation = %s::regclass AND l.granted AND a.state = 'active'"
        " AND a.query LIKE 'COPY%%' AND a.application_name LIKE 'entrepot pg-replica work%%'",
        [f'"{table}"'],
    )
    return [row[0] for row in rows]


def wait_for_copy(
    process: subprocess.Popen, connection: psycopg.Connection, table: str
) -> int:
    """Wait until a run copies a table; return the source's process that reads it."""
    while not (found := readers_of(connection, table)):
        assert process.poll() is None, "the run has ended before"
        time.sleep(0.005)
    return found[0]


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
    settle(lab)


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
