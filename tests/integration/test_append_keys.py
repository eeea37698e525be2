"""Replication keys of every kind: what is new arrives, whatever is equal, late or far away."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from entrepot_lab.meltano.singer import Pipe
from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.warehouse import AN_HOUR_AHEAD, Lab

# Each table: its columns, its replication key, and the rows of two nights by number g. On the
# second night some are equal to, or lower than, the greatest of the first.
TABLES = {
    "integer": (
        "id integer PRIMARY KEY",
        "id",
        ("g - 500", "g - 500"),
    ),
    "beyond what JSON's numbers hold": (
        "id bigint PRIMARY KEY",
        "id",
        ("-9223372036854775808 + g", "9007199254740993 + g"),
    ),
    "uuid that begins with the time": (
        "id uuid PRIMARY KEY",
        "id",
        ("uuidv7()", "uuidv7()"),
    ),
    "random uuid beside a time": (
        "at timestamptz NOT NULL, id uuid PRIMARY KEY DEFAULT gen_random_uuid()",
        "at",
        ("now() + g * interval '1 us'", "now()"),
    ),
    "timestamp": (
        "at timestamp NOT NULL, a serial, b integer DEFAULT 1, PRIMARY KEY (a, b)",
        "at",
        ("timestamp '2024-10-27 02:30'", "timestamp '2024-10-27 02:30'"),
    ),
    "timestamp of one second": (
        "at timestamptz(0) NOT NULL, id serial PRIMARY KEY",
        "at",
        ("now() - interval '1 h'", "now() - interval '1 h'"),
    ),
    "in the hour that comes twice in Paris": (
        "at timestamptz NOT NULL, id serial PRIMARY KEY",
        "at",
        (
            "'2024-10-27 00:10+00'::timestamptz + g * interval '1 s'",
            "'2024-10-27 00:50+00'::timestamptz + g * interval '1 s'",
        ),
    ),
    "date": (
        "day date NOT NULL, n serial, PRIMARY KEY (day, n)",
        "day",
        ("date '2024-10-27' - (g / 400)::integer", "date '2024-10-27'"),
    ),
    "second of two": (
        "user_id bigint NOT NULL, who serial, PRIMARY KEY (who, user_id)",
        "user_id",
        ("g / 10", "100 + g / 400"),
    ),
    "no primary key": (
        "at timestamptz NOT NULL, same text DEFAULT 'x'",
        "at",
        ("'2024-10-27 00:30+00'", "'2024-10-27 00:30+00'"),
    ),
}


def fill(lab: Lab, night: int) -> None:
    first, last = ((1, 1000), (1001, 1500))[night]
    with lab.source() as source:
        for name, (columns, _, values) in TABLES.items():
            column = columns.split()[0]
            source.execute(
                f'INSERT INTO "{name}" ({column}, note)'
                f" SELECT {values[night]}, 'é' || g FROM generate_series({first}, {last}) AS g"
            )


@pytest.fixture(scope="module")
def pipe(servers: dict[str, Cluster], tmp_path_factory) -> Iterator[Pipe]:
    """All the tables after two nights, in a warehouse whose clock is in Paris."""
    folder: Path = tmp_path_factory.mktemp("keys")
    lab = Lab(servers["wheel"], servers["wheel"], "keys", folder).create()
    with servers["wheel"].admin() as admin:
        for kind in ("source", "warehouse"):
            admin.execute(f"ALTER DATABASE keys_{kind} SET TimeZone = 'Europe/Paris'")
    with lab.source() as source:
        for name, (columns, key, _) in TABLES.items():
            source.execute(
                f'CREATE TABLE "{name}" ({columns}, note text, t integer, r text, old text);'
                f'CREATE INDEX ON "{name}" ({key})'
            )
        # Nobody stops an application from writing this; nothing after it may be taken for old.
        source.execute(
            "INSERT INTO \"random uuid beside a time\" (at) VALUES ('infinity'), ('2999-01-01')"
        )
    lab.policy(
        yaml.safe_dump(
            {
                "tables": {
                    name: {"mode": "incremental", "replication_key": key}
                    for name, (_, key, _) in TABLES.items()
                }
            }
        )
    )
    pipe = Pipe(lab, {"batch_rows": 300})
    for night in range(2):
        fill(lab, night)
        pipe.load()
    yield pipe
    lab.drop()


@pytest.mark.parametrize("table", TABLES)
def test_two_nights_lose_and_double_nothing(pipe: Pipe, table: str) -> None:
    """F29, among others: as text a time of the second night is before those of the first."""
    there, here = pipe.content("public", table)
    assert there[0] >= 1500
    assert here == there


def test_an_audit_finds_all_equal_whatever_the_key(pipe: Pipe) -> None:
    status, output = pipe.lab.run("audit", "--all")
    assert status == 0, output
    # What is settled lies before the newest rows; nothing of the others is left out.
    assert output.count("1500 rows compared") >= len(TABLES) - 3, output


def test_an_audit_repairs_whatever_the_key(pipe: Pipe) -> None:
    """F27; and F55, all clocks set back: rows with a time below the bookmark are found."""
    old = "note IN ('é5', 'é300')"
    with pipe.lab.source() as source, pipe.lab.warehouse() as warehouse:
        for name in TABLES:
            source.execute(f"UPDATE \"{name}\" SET note = 'changed' WHERE {old}")
            warehouse.execute(
                f"DELETE FROM pix_incremental.\"{name}\" WHERE note = 'é7';"
                f"UPDATE pix_incremental.\"{name}\" SET note = 'bent' WHERE note = 'é8'"
            )
        warehouse.execute(AN_HOUR_AHEAD)
        source.execute(
            "INSERT INTO \"timestamp of one second\" (at) VALUES (now() - interval '3 h')"
        )
    status, output = pipe.lab.run("audit", "--all")
    assert status == 4, output
    for name in TABLES:
        pipe.assert_same(name)
    assert "table integer: 1 rows missing, 3 changed, 0 too many" in output
    assert "table timestamp of one second: 2 rows missing, 3 changed" in output
    assert "table no primary key: 4 rows missing, 0 changed, 3 too many" in output


def test_a_transaction_that_began_before_the_reading_and_writes_after_it(
    pipe: Pipe,
) -> None:
    """F25: its rows have the time of its begin, and it had no transaction id to be known by."""
    table = "timestamp of one second"
    with pipe.lab.source() as slow:
        slow.execute("BEGIN")
        slow.execute("SELECT now()")
        with pipe.lab.source() as quick:
            quick.execute(
                f"INSERT INTO \"{table}\" (at) VALUES (clock_timestamp() + interval '20 min')"
            )
        pipe.load()
        slow.execute(f"INSERT INTO \"{table}\" (at, note) VALUES (now(), 'late')")
        slow.execute("COMMIT")
    pipe.load()
    pipe.assert_same(table)


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "of text": ("id text PRIMARY KEY", {}, "column id (text) has no order"),
    "of numeric": ("id numeric PRIMARY KEY", {}, "column id (numeric) has no order"),
    "random": (
        "id uuid PRIMARY KEY DEFAULT gen_random_uuid(), x text DEFAULT ''",
        {},
        "the UUIDs of column id do not begin with the time",
    ),
    "of two": ("a integer, id integer, PRIMARY KEY (a, id)", {}, "is not one column"),
    "of none": ("id integer", {}, "its primary key is not one column"),
    "nullable": ("id integer", {"replication_key": "id"}, "column id may be NULL"),
    "nullable key": (
        "id integer NOT NULL, a text",
        {"replication_key": "id", "key": ["a"]},
        "column a of its key may be NULL",
    ),
    "left out": (
        "id integer PRIMARY KEY",
        {"replication_key": "id", "columns": {"id": "exclude"}},
        "its replication key id is excluded",
    ),
}


def test_keys_that_cannot_tell_new_rows_are_refused_together(empty_lab: Lab) -> None:
    """F28."""
    with empty_lab.source() as connection:
        for table, (columns, _, _) in REFUSED.items():
            connection.execute(f'CREATE TABLE "{table}" ({columns})')
        connection.execute("INSERT INTO random DEFAULT VALUES")
    rules = {
        name: {"mode": "incremental", **rule} for name, (_, rule, _) in REFUSED.items()
    }
    empty_lab.policy(yaml.safe_dump({"tables": rules}))
    pipe = Pipe(empty_lab)
    assert pipe.run()[0] == 1
    for table, (_, _, words) in REFUSED.items():
        sentence = pipe.log.partition(f"table {table}: ")[2].partition(";")[0]
        assert words in sentence
    assert "Traceback" not in pipe.log
    rules["of text"]["replication_key"] = "idd"
    empty_lab.policy(yaml.safe_dump({"tables": rules}))
    assert pipe.run()[0] == 1
    assert "has no column 'idd'. Did you mean 'id'?" in pipe.log
    with empty_lab.warehouse() as warehouse:
        assert warehouse.execute(
            "SELECT to_regclass('entrepot_ops.positions')"
        ).fetchone() == (None,)


def test_numbers_far_above_all_others(lab: Lab) -> None:
    """Rows that follow in the usual order arrive the same night, whatever lies above them."""
    lab.policy("tables: {ev: {mode: incremental}}")
    rows = "INSERT INTO ev SELECT i, 'x' FROM generate_series({}, {}) AS i"
    with lab.source() as source:
        source.execute("CREATE TABLE ev (id bigint PRIMARY KEY, v text)")
        source.execute(rows.format(1, 2000))
        pipe = Pipe(lab)
        pipe.load()
        source.execute(
            "INSERT INTO ev VALUES (9000000000, 'outlier'), (7000000000, 'x')"
        )
        pipe.load()
        pipe.assert_same("ev")
        for first in (2001, 4001):
            source.execute(rows.format(first, first + 1999))
            pipe.load()
            pipe.assert_same("ev")
        source.execute("DELETE FROM ev WHERE id = 9000000000")
        source.execute(rows.format(6001, 7000))
        pipe.load()
        source.execute(rows.format(7_000_000_001, 7_000_001_000))
        pipe.load()
        source.execute(rows.format(7_000_001_001, 7_000_001_500))
        pipe.load()
    with lab.warehouse() as warehouse:
        row = warehouse.execute(
            "SELECT count(*) FROM pix_incremental.ev WHERE id <> 9000000000"
        ).fetchone()
    assert row == (7000 + 1 + 1500,)


def test_an_outlier_of_the_first_load_and_a_damaged_state(lab: Lab) -> None:
    lab.policy("tables: {ev: {mode: incremental}}")
    rows = "INSERT INTO ev SELECT i, 'x' FROM generate_series({}, {}) AS i"
    with lab.source() as source:
        source.execute("CREATE TABLE ev (id bigint PRIMARY KEY, v text)")
        source.execute(rows.format(1, 500))
        source.execute("INSERT INTO ev VALUES (9000000000, 'outlier')")
        pipe = Pipe(lab)
        pipe.load()
        source.execute(rows.format(501, 2500))
        pipe.load()
    pipe.assert_same("ev")
    state = lab.folder / "damaged.json"
    state.write_text('{"bookmarks": {"public-ev"')
    command = [sys.executable, "-m", "entrepot_tap_postgres", "--state", str(state)]
    done = subprocess.run(
        command, env=lab.env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "is not JSON (line 1, column 27" in done.stderr
    assert "Traceback" not in done.stderr
