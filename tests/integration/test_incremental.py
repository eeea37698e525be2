"""Append tables through the tap and the target: names, types, and nothing lost."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import yaml
from psycopg import sql

from entrepot_core.warehouse import locks
from entrepot_lab.meltano.singer import Pipe
from entrepot_lab.postgres.warehouse import READER, Lab
from entrepot_lab.processes import prepared
from entrepot_lab.sources import elearning

SEED = int(os.environ.get("ENTREPOT_TEST_SEED", "20240229"))
MOMENTS = int(os.environ.get("ENTREPOT_TEST_MOMENTS", "4"))
APPEND = """
tables:
  answers: {mode: incremental}
  knowledge-elements: {mode: incremental}
  knowledge-element-snapshots: {mode: incremental}
"""
TABLES = ("answers", "knowledge-elements", "knowledge-element-snapshots")
# In an environment of its own: its libraries are older than everybody else's.
TARGET_JSONL = (
    Path(__file__).resolve().parents[2]
    / ".meltano/loaders/target-jsonl/venv/bin/target-jsonl"
)


@pytest.fixture
def pipe(lab: Lab) -> Pipe:
    lab.policy(APPEND)
    return Pipe(lab, {"batch_rows": 500})


def test_first_and_second_night_and_a_full_replication(pipe: Pipe) -> None:
    pipe.load()
    for table in TABLES:
        pipe.assert_same(table)
    with pipe.lab.source() as connection:
        elearning.next_day(connection)
    pipe.load()
    for table in TABLES:
        pipe.assert_same(table)
    pipe.lab.night()
    pipe.load()
    with pipe.lab.warehouse(READER) as reader:
        for table in TABLES:
            count = reader.execute(f'SELECT count(*) FROM pix."{table}"').fetchone()
            assert count == (pipe.content("public", table)[0][0],)


CATALOG = """
SELECT a.attname, replace(pg_catalog.format_type(a.atttypid, a.atttypmod), %(schema)s || '.', ''),
    a.attnotnull, a.attgenerated FROM pg_attribute AS a
WHERE a.attrelid = %(table)s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
INDEXES = """
SELECT c.relname, replace(pg_get_indexdef(i.indexrelid), %(schema)s || '.', ''), i.indisprimary,
    pg_get_constraintdef(o.oid)
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
LEFT JOIN pg_constraint AS o ON o.conindid = i.indexrelid AND o.contype IN ('p', 'u')
WHERE i.indrelid = %(table)s::regclass ORDER BY 1
"""


def definition(connection: psycopg.Connection, schema: str, table: str) -> list:
    names = {"schema": schema, "table": f'{schema}."{table}"'}
    connection.execute("SET search_path = ''")
    return [connection.execute(query, names).fetchall() for query in (CATALOG, INDEXES)]


def assert_same_definition(lab: Lab, table: str) -> None:
    with lab.source() as there, lab.warehouse() as here:
        assert definition(here, "pix_incremental", table) == definition(
            there, "public", table
        )


def test_names_types_keys_and_indexes_are_the_source_s(pipe: Pipe) -> None:
    pipe.load()
    for table in TABLES:
        assert_same_definition(pipe.lab, table)


NAMES = [
    "a.b",
    "a-b",
    "b",
    'say "hi"',
    "Users",
    "USERS",
    "%s",
    "🦉",
    "select",
    "a" * 63,
    "with space",
    "x'y",
    "{{j}}",
    "$x",
    "a_b",
    "a_b_id_seq_",
    "back\\slash",
    "{n}",
]


def test_every_name_arrives_as_it_left(lab: Lab) -> None:
    """F32, Z11: no two names share a table either."""
    with lab.source() as connection:
        for number, name in enumerate(NAMES):
            connection.execute(
                sql.SQL(
                    "CREATE TABLE {name} ({name} integer PRIMARY KEY, {other} text);"
                    "INSERT INTO {name} SELECT i, 'x' FROM generate_series(1, {n}) AS i"
                ).format(
                    name=sql.Identifier(name),
                    other=sql.Identifier("y" + name[1:]),
                    n=sql.Literal(number + 1),
                )
            )
    lab.policy(yaml.safe_dump({"tables": {n: {"mode": "incremental"} for n in NAMES}}))
    pipe = Pipe(lab)
    pipe.load()
    for name in NAMES:
        pipe.assert_same(name)
    assert pipe.state is not None
    assert len(pipe.state["bookmarks"]) == len(NAMES)


def test_columns_left_out_or_pseudonymised_never_leave_the_source(lab: Lab) -> None:
    lab.policy(
        "tables: {users: {mode: incremental, columns: {password: exclude, email: pseudonymise}}}"
    )
    with lab.source() as connection:
        email = connection.execute("SELECT min(email) FROM users").fetchone()[0]
    pipe = Pipe(lab, {"spool_limit": 10**9})
    pipe.load(PSEUDONYM_SECRET="a secret of the tests")
    with lab.warehouse() as warehouse:
        columns = [
            row[0]
            for row in warehouse.execute(
                CATALOG, {"schema": "pix_incremental", "table": "pix_incremental.users"}
            )
        ]
        assert "password" not in columns
        lengths = warehouse.execute(
            "SELECT DISTINCT length(email) FROM pix_incremental.users WHERE email IS NOT NULL"
        ).fetchall()
        assert lengths == [(64,)]
    assert email not in pipe.log


def test_a_late_commit_arrives_the_next_night(pipe: Pipe) -> None:
    """F25: a low id that commits after the run."""
    pipe.settings["fence_wait"] = 0.2
    with pipe.lab.source() as slow:
        slow.execute("BEGIN")
        slow.execute(
            "INSERT INTO answers (value, \"challengeId\") VALUES ('late', 'r')"
        )
        with pipe.lab.source() as quick:
            quick.execute(
                "INSERT INTO answers (value, \"challengeId\") VALUES ('soon', 'r')"
            )
        pipe.load()
        assert "still open on the source" in pipe.log
        slow.execute("COMMIT")
    pipe.load()
    pipe.assert_same("answers")
    pipe.load()
    pipe.assert_same("answers")


def test_lost_state_and_lost_table(pipe: Pipe) -> None:
    """Either costs a re-read, never a hole nor a double."""
    pipe.load()
    kept, pipe.state = pipe.state, None
    pipe.load()
    pipe.assert_same("answers")
    pipe.state = kept
    with pipe.lab.warehouse() as warehouse:
        warehouse.execute("DROP TABLE pix_incremental.answers CASCADE")
    pipe.load()
    pipe.assert_same("answers")
    assert_same_definition(pipe.lab, "answers")


def test_a_bookmark_ahead_of_the_source(pipe: Pipe) -> None:
    """F24: said, not taken for nothing new."""
    pipe.load()
    with pipe.lab.source() as connection:
        connection.execute("TRUNCATE answers CASCADE")
    assert pipe.run() != (0, 0)
    assert "is ahead of the source" in pipe.log


def test_two_loads_at_once(pipe: Pipe) -> None:
    with pipe.lab.warehouse() as other:
        assert locks.take(other, locks.APPEND) is None
        assert pipe.run()[1] == 3
        assert "another load" in pipe.log and "of role entrepot from" in pipe.log
    pipe.load()
    pipe.assert_same("answers")


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "victim", ["tap", "target", "source backend", "warehouse backend"]
)
def test_killed_at_random_moments(pipe: Pipe, victim: str) -> None:
    """F04: what is committed is known, what is known is committed."""
    moments = random.Random(f"{SEED} {victim}")
    lab = pipe.lab
    with lab.source() as connection:
        connection.execute(
            'INSERT INTO answers (value, "challengeId")'
            " SELECT repeat('x', 100), 'r' FROM generate_series(1, 60000)"
        )
    pipe.settings["batch_rows"] = 3000
    for _ in range(MOMENTS):
        tap, target = pipe.start()
        time.sleep(moments.uniform(0.2, 1.5))
        if victim == "tap":
            tap.kill()
        elif victim == "target":
            target.kill()
        else:
            server = lab.source_server
            with server.admin() as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name LIKE %s",
                    [
                        "entrepot tap-postgres%"
                        if victim[0] == "s"
                        else "entrepot target-postgres%"
                    ],
                )
        pipe.finish(tap, target)
    pipe.load()
    for table in TABLES:
        pipe.assert_same(table)
    assert_same_definition(lab, "answers")
    assert [path for path in pipe.spool.rglob("*") if path.is_file()] == []


def test_no_secret_is_shown(pipe: Pipe) -> None:
    pipe.load()
    pipe.run(SOURCE_DATABASE_URL=pipe.lab.source_url(port=1))
    pipe.run(TARGET_DATABASE_URL=pipe.lab.warehouse_url(port=1))
    pipe.lab.assert_no_secret(pipe.log)
    for path in pipe.lab.folder.glob("*.json"):
        pipe.lab.assert_no_secret(path.read_text())


@pytest.mark.plugins
def test_without_batches_the_tap_feeds_any_target(pipe: Pipe) -> None:
    """RECORD messages of the tap, through somebody else's target and through our own."""
    lab, folder = pipe.lab, pipe.lab.folder
    config, state = folder / "tap.json", folder / "plain.json"
    config.write_text(json.dumps({"tables_file": lab.env["TABLES_FILE"]}))
    tap = [sys.executable, "-m", "entrepot_tap_postgres", "--config", str(config)]
    messages = prepared.run(tap, env=lab.env, capture_output=True, check=True).stdout
    kinds = {json.loads(line)["type"] for line in messages.splitlines()}
    assert kinds >= {"SCHEMA", "RECORD", "STATE"}
    assert "BATCH" not in kinds

    jsonl = folder / "jsonl.json"
    jsonl.write_text(json.dumps({"destination_path": str(folder / "jsonl")}))
    (folder / "jsonl").mkdir()
    theirs = [str(TARGET_JSONL), "--config", str(jsonl)]
    done = subprocess.run(theirs, input=messages, capture_output=True, check=True)
    state.write_bytes(done.stdout.splitlines()[-1])
    written = {
        path.name.rsplit("-", 1)[0]: len(path.read_text().splitlines())
        for path in (folder / "jsonl").iterdir()
    }
    target = folder / "target.json"
    target.write_text(json.dumps({"default_target_schema": "raw"}))
    ours = [sys.executable, "-m", "entrepot_target_postgres", "--config", str(target)]
    prepared.run(ours, env=lab.env, input=messages, check=True, capture_output=True)
    with lab.source() as there, lab.warehouse() as here:
        for table in TABLES:
            count = there.execute(f'SELECT count(*) FROM public."{table}"').fetchone()[
                0
            ]
            stream = next(name for name in written if name.endswith(table))
            assert written[stream] == count
            assert (
                lab.content(here, "raw")[stream] == lab.content(there, "public")[table]
            )
    # The state is as good for the next run as that of batches.
    again = [*tap, "--state", str(state)]
    rest = prepared.run(again, env=lab.env, capture_output=True, check=True).stdout
    records = [line for line in rest.splitlines() if b'"RECORD"' in line]
    assert len(records) < sum(written.values())


SDK_SUITE = """
from singer_sdk.testing import get_tap_test_class
from entrepot_tap_postgres.tap import TapPostgres
TestTap = get_tap_test_class(TapPostgres, config={"tables_file": %r})
"""


def test_what_the_sdk_expects_of_every_tap(pipe: Pipe) -> None:
    """Its tests are made of the streams that the source has when they are collected."""
    suite = pipe.lab.folder / "test_sdk.py"
    suite.write_text(SDK_SUITE % pipe.lab.env["TABLES_FILE"])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(  # noqa: PLW1510
        [*command, "-c", "/dev/null", str(suite)],
        env=pipe.lab.env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_a_file_greater_than_the_spool_is_no_deadlock(pipe: Pipe) -> None:
    pipe.settings = {"batch_rows": 100, "spool_limit": 1, "jobs": 2}
    pipe.run()
    pipe.assert_same("answers")
