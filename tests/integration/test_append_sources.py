"""Append tables from odd sources: a standby, prepared transactions, bytes that are no text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from entrepot_lab.faults.proxy import Proxy
from entrepot_lab.faults.waiting import loaded, until
from entrepot_lab.meltano.singer import Pipe
from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.warehouse import PASSWORD, SOURCE_OWNER, Lab

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


def test_a_prepared_transaction_holds_the_bookmark_back(empty_lab: Lab) -> None:
    """F26: open for two nights, with a low id, while ids are drawn fifty at a time."""
    lab = empty_lab
    with lab.source() as source:
        source.execute(
            "CREATE SEQUENCE ids CACHE 50;"
            "CREATE TABLE log (id bigint PRIMARY KEY DEFAULT nextval('ids'), v text)"
        )
        source.execute("BEGIN; INSERT INTO log (v) VALUES ('prepared')")
        source.execute("PREPARE TRANSACTION 'two nights'")
    lab.policy("tables: {log: {mode: incremental}}")
    pipe = Pipe(lab, {"fence_wait": 0.1})
    with lab.source() as early:  # draws 51 to 100, and uses one of them
        early.execute("INSERT INTO log (v) VALUES ('early')")
        for _ in range(2):
            with lab.source() as source:
                source.execute(
                    "INSERT INTO log (v) SELECT 'x' FROM generate_series(1, 200)"
                )
            pipe.load()
            assert "still open on the source, holds the bookmark" in pipe.log
            # What is still to come is no difference.
            status, output = lab.run("audit", "--all")
            assert status == 0, output
        early.execute("INSERT INTO log (v) VALUES ('of an id drawn two nights ago')")
        early.execute("COMMIT PREPARED 'two nights'")
    pipe.load()
    pipe.assert_same("log")
    status, output = lab.run("audit", "--all")
    assert status == 0, output


def test_bytes_that_are_no_text(servers: dict[str, Cluster], tmp_path: Path) -> None:
    """F47: a source without encoding may hold anything: what is not UTF-8 is refused by name."""
    lab = Lab(servers["wheel"], servers["wheel"], "ascii", tmp_path).create()
    with servers["wheel"].admin() as admin:
        admin.execute("DROP DATABASE ascii_source")
        admin.execute(
            "CREATE DATABASE ascii_source OWNER app TEMPLATE template0 ENCODING 'SQL_ASCII'"
        )
    with lab.source() as source:
        source.execute("SET client_encoding = 'SQL_ASCII'")
        source.execute(
            "CREATE TABLE odd (id integer PRIMARY KEY, v text);"
            "INSERT INTO odd VALUES (1, 'fine'), (2, convert_from('\\xe9', 'SQL_ASCII'))"
        )
    lab.policy("tables: {odd: {mode: incremental}}")
    pipe = Pipe(lab)
    assert 1 in pipe.run()
    assert "invalid byte sequence" in pipe.log
    assert "0xe9" not in pipe.log, "bytes of a value are a value"
    assert "odd" in pipe.log
    assert "Traceback" not in pipe.log
    with lab.source() as source:
        source.execute("UPDATE odd SET v = 'mended' WHERE id = 2")
    pipe.load()
    with lab.warehouse() as warehouse:
        rows = warehouse.execute("SELECT id, v FROM pix_incremental.odd ORDER BY id")
        assert rows.fetchall() == [(1, "fine"), (2, "mended")]
    lab.drop()


def test_a_standby_as_the_source(own_lab: Lab, standby: Cluster) -> None:
    """F22: fence and audit, a cancelled reading, a promotion in the middle of a load."""
    lab = own_lab
    with lab.source() as source:
        source.execute(
            "CREATE TABLE log (id bigserial PRIMARY KEY, v text, at timestamptz DEFAULT now());"
            + FILL.format(rows=20_000)
        )
    lab.policy("tables: {log: {mode: incremental}}")
    pipe = Pipe(lab, {"batch_rows": 1000, "fence_wait": 0.1})
    url = standby.url("own_source", SOURCE_OWNER, PASSWORD)

    def caught_up() -> bool:
        with psycopg.connect(url) as there, lab.source() as source:
            query = "SELECT max(id) FROM log"
            try:
                found = there.execute(query).fetchone()
            except psycopg.errors.UndefinedTable:
                return False
            return found == source.execute(query).fetchone()

    def assert_audited() -> None:
        status, output = lab.run("audit", "--all", SOURCE_DATABASE_URL=url)
        assert status == 0, output

    until(caught_up)
    with lab.source() as slow:
        slow.execute("BEGIN; INSERT INTO log (v) VALUES ('late')")
        with lab.source() as quick:
            quick.execute("INSERT INTO log (v) VALUES ('soon')")
        until(caught_up)
        pipe.load(SOURCE_DATABASE_URL=url)
        assert "still open on the source" in pipe.log
        slow.execute("COMMIT")
    assert_audited()

    def load_meanwhile(happens: Callable[[], object]) -> None:
        """Have something happen in the middle of the load of new rows."""
        with Proxy("127.0.0.1", standby.port) as proxy, lab.source() as source:
            source.execute(FILL.format(rows=20_000))
            until(caught_up)
            proxy.throttle(700_000)
            port, before = proxy.port, loaded(lab)
            slow_url = standby.url("own_source", SOURCE_OWNER, PASSWORD, port=port)
            tap, target = pipe.start(SOURCE_DATABASE_URL=slow_url)
            until(lambda: loaded(lab) > before)
            happens()
            proxy.pass_all()
            assert pipe.finish(tap, target) == (0, 0), pipe.log

    def deploy() -> None:
        """The standby takes away what holds back the deploy that it must follow."""
        with lab.source() as source:
            source.execute("ALTER TABLE log ADD device text DEFAULT 'phone'")
        until(lambda: "going on from" in pipe.log)

    load_meanwhile(deploy)
    assert "conflict with recovery" in pipe.log
    until(caught_up)
    pipe.load(SOURCE_DATABASE_URL=url)
    assert_audited()
    with standby.admin() as admin:
        load_meanwhile(lambda: admin.execute("SELECT pg_promote()"))
    assert_audited()
    pipe.assert_same("log")
