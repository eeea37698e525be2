"""Faults while append tables are loaded: said, and made good by the next run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot_lab.faults.proxy import Proxy
from entrepot_lab.faults.waiting import loaded, until
from entrepot_lab.meltano.singer import Pipe
from entrepot_lab.postgres.warehouse import OWNER, PASSWORD, SOURCE_OWNER, Lab

FILL = "INSERT INTO log (v) SELECT repeat('x', 100) FROM generate_series(1, {rows});"


@pytest.fixture
def pipe(empty_lab: Lab) -> Pipe:
    """A table of 20,000 rows, in files of 2,000; not loaded yet."""
    with empty_lab.source() as source:
        source.execute(
            "CREATE TABLE log (id bigserial PRIMARY KEY, v text);"
            + FILL.format(rows=20_000)
        )
    empty_lab.policy("tables: {log: {mode: incremental}}")
    return Pipe(empty_lab, {"batch_rows": 2000})


@pytest.fixture
def proxy(pipe: Pipe) -> Iterator[Proxy]:
    with Proxy("127.0.0.1", pipe.lab.source_server.port) as proxy:
        yield proxy


def files(pipe: Pipe) -> list[Path]:
    found = [path for path in pipe.spool.rglob("*") if path.is_file()]
    return [path for path in found if path.name != "lock"]


def test_a_silent_network(pipe: Pipe, proxy: Proxy) -> None:
    """F07: bytes that get lost without a word are noticed, on either side."""
    proxy.throttle(400_000)
    pipe.settings["network_timeout"] = 2
    tap, target = pipe.start(SOURCE_DATABASE_URL=pipe.lab.source_url(proxy.port))
    until(lambda: loaded(pipe.lab) > 0)
    proxy.stall()
    assert pipe.finish(tap, target)[0] == 1
    assert "Traceback" not in pipe.log
    assert 0 < loaded(pipe.lab) < 20_000
    pipe.load()
    pipe.assert_same("log")


def test_a_slow_network_loses_nothing(pipe: Pipe, proxy: Proxy) -> None:
    """F10."""
    proxy.throttle(1_000_000)
    pipe.load(SOURCE_DATABASE_URL=pipe.lab.source_url(proxy.port))
    pipe.assert_same("log")


def test_the_tap_waits_while_the_spool_is_full(pipe: Pipe) -> None:
    """F13: the target is kept from loading: the files never exceed the limit by more than a few."""
    pipe.settings |= {"spool_limit": 500_000, "jobs": 2}
    lab = pipe.lab
    pipe.load()
    with lab.source() as source:
        source.execute(FILL.format(rows=60_000))
    with lab.warehouse() as blocker:
        blocker.execute("BEGIN; LOCK TABLE pix_incremental.log IN EXCLUSIVE MODE")
        tap, target = pipe.start()
        size = 0

        def is_steady() -> bool:
            nonlocal size
            before, size = size, sum(f.stat().st_size for f in files(pipe))
            time.sleep(1)
            return 0 < size == before

        until(is_steady)
        assert size < 500_000 + 3 * 2000 * 130
        blocker.execute("COMMIT")
    assert pipe.finish(tap, target) == (0, 0)
    pipe.assert_same("log")
    assert files(pipe) == []


def test_no_space_for_files(pipe: Pipe) -> None:
    """F13: no room: a limit on the size of files; no part of a file is ever loaded."""
    pipe.tap_prefix = ["prlimit", "--fsize=100000"]
    assert pipe.run()[0] == 1
    assert f"cannot write {pipe.spool}" in pipe.log
    assert "Traceback" not in pipe.log
    assert loaded(pipe.lab) == 0
    pipe.tap_prefix = []
    pipe.load()
    pipe.assert_same("log")


def test_a_file_that_was_cut(pipe: Pipe) -> None:
    """Rows are counted, whatever the file looks like."""
    lab = pipe.lab
    pipe.load()
    with lab.source() as source:
        # What people made is copied as text, which can be cut without a trace.
        source.execute("CREATE TYPE word AS (a text); ALTER TABLE log ADD w word")
        source.execute(FILL.format(rows=2000))
    pipe.load()
    with lab.source() as source:
        source.execute(FILL.format(rows=1500))
    pipe.settings["batch_rows"] = 10_000
    with lab.warehouse() as blocker:
        blocker.execute("BEGIN; LOCK TABLE pix_incremental.log IN EXCLUSIVE MODE")
        tap, target = pipe.start()
        until(lambda: files(pipe) and tap.poll() is not None)
        (file,) = files(pipe)
        lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join(lines[:1000]))
        blocker.execute("COMMIT")
    assert pipe.finish(tap, target)[1] == 1
    assert (
        f"the source sent {len(lines)} rows up to 23500, and the warehouse" in pipe.log
    )
    assert loaded(lab) == 22_000
    pipe.load()
    pipe.assert_same("log")


def test_a_run_that_goes_on_from_an_old_state(pipe: Pipe) -> None:
    """F41, F55: the target died between commit and STATE; or a state of last week is put back."""
    lab = pipe.lab
    with lab.source() as source:
        source.execute(
            "CREATE TABLE same (id integer NOT NULL, v text);"
            "CREATE INDEX ON same (id);"
            "INSERT INTO same SELECT g / 10, 'x' FROM generate_series(1, 1000) AS g"
        )
    lab.policy(
        "tables: {log: {mode: incremental}, same: {mode: incremental, replication_key: id}}"
    )
    pipe.load()
    old = pipe.state
    with lab.source() as source:
        source.execute(
            "INSERT INTO log (v) VALUES ('new'); INSERT INTO same VALUES (100, 'x'), (101, 'x')"
        )
    pipe.load()
    pipe.state = old
    pipe.load()
    for table in ("log", "same"):
        pipe.assert_same(table)


def test_a_source_that_was_restored_from_a_backup(pipe: Pipe) -> None:
    """F24: named, and the audit that the message proposes makes the table whole and loadable."""
    lab = pipe.lab
    pipe.load()
    with lab.source() as source:
        source.execute(
            "DELETE FROM log WHERE id > 15000; SELECT setval('log_id_seq', 15000)"
        )
    assert pipe.run()[0] == 1
    assert "the bookmark 20000 is ahead of the source (greatest id: 15000)" in pipe.log
    assert "pg-replica audit --all --table 'log'" in pipe.log
    status, output = lab.run("audit", "--all", "--table", "log")
    assert status == 4, output
    assert "5000 too many" in output
    with lab.source() as source:  # ids that were given out before are given out again
        source.execute(FILL.format(rows=7000))
    pipe.load()
    pipe.assert_same("log")


def test_the_newest_rows_are_deleted_on_the_source(pipe: Pipe) -> None:
    """That is no reason to stop: the audit takes them away."""
    pipe.load()
    with pipe.lab.source() as source:
        source.execute("DELETE FROM log WHERE id > 19990")
    pipe.load()
    status, output = pipe.lab.run("audit", "--all")
    assert status == 4, output
    pipe.assert_same("log")
    pipe.load()
    pipe.assert_same("log")


def test_all_rows_are_deleted_on_the_source(pipe: Pipe) -> None:
    pipe.load()
    with pipe.lab.source() as source:
        source.execute("TRUNCATE log RESTART IDENTITY")
    assert pipe.run()[0] == 1
    status, output = pipe.lab.run("audit", "--all")
    assert status == 4, output
    with pipe.lab.source() as source:
        source.execute(FILL.format(rows=10))
    pipe.load()
    pipe.assert_same("log")


def test_rows_that_are_committed_during_an_audit_are_no_differences(pipe: Pipe) -> None:
    lab = pipe.lab
    pipe.settings["fence_wait"] = 0.1
    with lab.source() as slow:
        slow.execute("BEGIN; INSERT INTO log (v) VALUES ('slow')")
        with lab.source() as quick:
            quick.execute("INSERT INTO log (v) VALUES ('quick')")
        pipe.load()
        slow.execute("COMMIT")
    with lab.source() as source:
        source.execute(FILL.format(rows=100))
    status, output = lab.run("audit", "--all")
    assert status == 0, output
    pipe.load()
    pipe.assert_same("log")


def test_a_password_that_has_changed_and_a_right_that_is_missing(pipe: Pipe) -> None:
    """F54."""
    lab = pipe.lab
    pipe.load()
    wrong = lab.source_server.url(f"{lab.name}_source", SOURCE_OWNER, "old one")
    assert pipe.run(SOURCE_DATABASE_URL=wrong)[0] == 1
    assert 'password authentication failed for user "app"' in pipe.log
    wrong = lab.warehouse_server.url(f"{lab.name}_warehouse", OWNER, "old one")
    assert pipe.run(TARGET_DATABASE_URL=wrong)[0] == 1
    lab.source_server.create_role("stranger", PASSWORD)
    with lab.source_server.admin() as admin:
        admin.execute(f'GRANT CONNECT ON DATABASE "{lab.name}_source" TO stranger')
    stranger = lab.source_server.url(f"{lab.name}_source", "stranger", PASSWORD)
    assert pipe.run(SOURCE_DATABASE_URL=stranger)[0] == 1
    assert "permission denied for table log" in pipe.log
    assert "Traceback" not in pipe.log
    assert "old one" not in pipe.log
    lab.assert_no_secret(pipe.log)


def test_a_parent_that_dies_leaves_no_orphan(pipe: Pipe) -> None:
    """F43: Meltano hands the messages on; with it, both ends lose their pipe."""
    lab = pipe.lab
    pipe.settings |= {"batch_rows": 200}
    pipe.relay = ["cat"]
    tap, target = pipe.start()
    until(lambda: loaded(lab) > 0)
    assert pipe.between is not None
    pipe.between.kill()
    assert pipe.finish(tap, target)[0] != 0
    pipe.between.wait()
    for server, end in ((lab.source_server, "tap"), (lab.warehouse_server, "target")):
        with server.admin() as admin:
            query = (
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE %s"
            )
            assert admin.execute(query, [f"entrepot {end}-postgres%"]).fetchone() == (
                0,
            )
    assert 0 < loaded(lab) < 20_000
    assert "Traceback" not in pipe.log
    pipe.relay = []
    pipe.load()
    pipe.assert_same("log")
    assert files(pipe) == []
