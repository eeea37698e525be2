"""Emptiness is not published, unless it is meant; a crash of the warehouse empties nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from entrepot_lab.postgres.cluster import embedded_binaries
from entrepot_lab.postgres.warehouse import Lab

FILL = (
    "CREATE TABLE users (id int PRIMARY KEY);"
    "INSERT INTO users SELECT generate_series(1, 500);"
    "CREATE TABLE towns (id int PRIMARY KEY);"
    "INSERT INTO towns SELECT generate_series(1, 50)"
)


@pytest.fixture
def lab(empty_lab: Lab) -> Lab:
    change(empty_lab, FILL)
    return empty_lab


def change(lab: Lab, statements: str) -> None:
    with lab.source() as source:
        for statement in statements.split(";"):
            source.execute(statement)


def rows(lab: Lab, table: str) -> int:
    with lab.warehouse() as warehouse:
        row = warehouse.execute(f"SELECT count(*) FROM pix.{table}").fetchone()
        assert row is not None
        return row[0]


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (
            "DELETE FROM users WHERE id > 100",
            "table users: 500 rows last night, now 100",
        ),
        ("TRUNCATE users", "table users: 500 rows last night, now 0"),
        ("DROP TABLE users", "table users: 500 rows last night, now the source has no"),
        ("DROP TABLE users; DROP TABLE towns", "the whole replica: 550 rows"),
        ("TRUNCATE users; TRUNCATE towns", "the whole replica: 550 rows"),
    ],
)
def test_what_lost_most_of_its_rows_is_not_published(
    lab: Lab, statements: str, said: str
) -> None:
    lab.night()
    change(lab, statements)
    status, output = lab.run("run")
    assert status == 1, output
    assert said in output
    assert "--accept-shrink" in output
    assert (rows(lab, "users"), rows(lab, "towns")) == (500, 50)
    lab.assert_clean()
    assert lab.run("run")[0] == 1, "and the night after compares with the live one"
    status, output = lab.run("run", "--accept-shrink")
    assert status == 0, output
    lab.night()  # what was let through is what the next night is compared with


def test_what_is_meant_is_published(lab: Lab) -> None:
    """The innocent: growth, half of the rows, small tables, what the policy says."""
    lab.night()
    change(lab, "DELETE FROM users WHERE id > 300; TRUNCATE towns")
    assert "table towns: 50 rows last night, now 0" in lab.night()
    change(lab, "INSERT INTO users SELECT generate_series(1000, 3000)")
    lab.night()
    change(lab, "TRUNCATE users; INSERT INTO towns SELECT generate_series(1, 9000)")
    lab.policy("tables: {users: {shrink_limit: 100}}")
    lab.night()
    lab.policy("tables: {towns: {mode: none}}")
    lab.night()
    lab.policy("tables: {}")
    lab.night()
    change(lab, "DELETE FROM towns WHERE id > 1")
    assert lab.run("run")[0] == 1
    lab.night(SHRINK_LIMIT="100")


def test_partitions_come_and_go_as_their_root_stays(empty_lab: Lab) -> None:
    lab = empty_lab
    change(
        lab,
        "CREATE TABLE events (day int) PARTITION BY LIST (day);"
        "CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1);"
        "INSERT INTO events SELECT 1 FROM generate_series(1, 300);"
        "CREATE TABLE events_2 PARTITION OF events FOR VALUES IN (2);"
        "INSERT INTO events SELECT 2 FROM generate_series(1, 300)",
    )
    lab.night()
    change(
        lab,
        "DROP TABLE events_1;"
        "CREATE TABLE events_3 PARTITION OF events FOR VALUES IN (3);"
        "INSERT INTO events SELECT 3 FROM generate_series(1, 300)",
    )
    lab.night()
    change(lab, "TRUNCATE events")
    status, output = lab.run("run")
    assert status == 1
    assert "table events: 600 rows last night, now 0" in output


def test_a_first_night_may_be_empty(empty_lab: Lab) -> None:
    empty_lab.night()
    change(empty_lab, FILL)
    empty_lab.night()


@pytest.mark.parametrize("form", ["custom", "plain"])
def test_a_dump_without_one_tables_rows_is_refused(
    lab: Lab, tmp_path: Path, form: str
) -> None:
    change(
        lab, "CREATE TABLE none (id int); CREATE TABLE p (i int) PARTITION BY LIST (i)"
    )

    def dump(*options: str) -> dict[str, str]:
        path = str(tmp_path / "dump")
        command = [str(embedded_binaries() / "pg_dump"), f"--format={form}"]
        url = lab.source_url()
        subprocess.run([*command, "-f", path, *options, "-d", url], check=True)
        return {"DUMP_PATH": path, "SOURCE_DATABASE_URL": ""}

    excluded = dump("--exclude-table-data=users")
    status, output = lab.run("run", **excluded)
    assert status == 2, output
    assert "the dump makes users without rows" in output
    lab.policy("tables: {users: {mode: none}}")
    lab.night(**excluded)
    lab.policy("tables: {}")
    assert lab.run("run", "--accept-shrink", **excluded)[0] == 0
    lab.night(**dump())
    assert rows(lab, "users") == 500


def test_a_crash_of_the_warehouse_empties_nothing(own_lab: Lab) -> None:
    lab = own_lab
    change(
        lab,
        "CREATE UNLOGGED TABLE visits (id serial PRIMARY KEY);"
        "INSERT INTO visits SELECT generate_series(1, 200);"
        "CREATE UNLOGGED SEQUENCE numbers;"
        "CREATE TABLE parted (i int) PARTITION BY LIST (i);"
        "CREATE UNLOGGED TABLE part PARTITION OF parted FOR VALUES IN (1);"
        "INSERT INTO parted VALUES (1)",
    )
    lab.night()
    with lab.warehouse() as warehouse:
        query = "SELECT relname FROM pg_class WHERE relpersistence = 'u'"
        assert warehouse.execute(query).fetchall() == []
        findings = "SELECT count(*) FROM entrepot_ops.findings WHERE finding LIKE %s"
        assert warehouse.execute(findings, ["is logged here%"]).fetchone() == (2,)
    lab.warehouse_server.stop(
        "immediate"
    )  # as a crash: no checkpoint, recovery at the start
    lab.warehouse_server.start()
    assert (rows(lab, "visits"), rows(lab, "parted")) == (200, 1)
