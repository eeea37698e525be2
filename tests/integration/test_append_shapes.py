"""Append tables of odd shapes, and what a source's owner may do to them between two nights."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from entrepot_core.postgres.identifiers import quote
from entrepot_lab.meltano.singer import Pipe
from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.warehouse import READER, Lab
from entrepot_lab.processes import prepared

SECRET = "a secret of the tests"


@dataclass(frozen=True)
class Shape:
    """A table, and what happens to it.

    Attributes:
        first: What makes it, with the rows of the first night.
        second: What happens before the second.
        rule: Its rule, beside the mode.
        left: Columns that stay with the source.
        indexes: How many arrive.
    """

    first: str
    second: str
    rule: dict = field(default_factory=dict)
    left: frozenset[str] = frozenset()
    indexes: int = 1


SHAPES = {
    "record": Shape(
        "CREATE TABLE record (id serial PRIMARY KEY, record text, r text, r_ text, chosen text,"
        " name text, size int, v int); INSERT INTO record (record) VALUES ('x')",
        "INSERT INTO record (r) VALUES ('y')",
    ),
    "order": Shape(
        'CREATE TABLE "order" ("from" int PRIMARY KEY, "select" text, "user" text DEFAULT USER);'
        'INSERT INTO "order" ("from") VALUES (-5), (0), (7)',
        'INSERT INTO "order" ("from") VALUES (8), (1000)',
    ),
    "moods": Shape(
        "CREATE TYPE mood AS ENUM ('sad', 'it''s ok, public.mood');"
        "CREATE TABLE moods (id serial PRIMARY KEY, mood mood NOT NULL DEFAULT 'sad', x text);"
        "CREATE INDEX ON moods (id) WHERE mood = 'it''s ok, public.mood';"
        "INSERT INTO moods DEFAULT VALUES;",
        "ALTER TYPE mood ADD VALUE 'great'; ALTER TYPE mood RENAME VALUE 'sad' TO 'low';"
        "INSERT INTO moods DEFAULT VALUES",
        indexes=2,
    ),
    "own functions": Shape(
        "CREATE FUNCTION up(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT upper($1)';"
        "CREATE TABLE \"own functions\" (id serial PRIMARY KEY, x text DEFAULT up('é') NOT NULL,"
        " y text GENERATED ALWAYS AS (up(x)) STORED, z text GENERATED ALWAYS AS (lower(x)) STORED,"
        ' c text COLLATE "C"); CREATE INDEX ON "own functions" (up(x));'
        'CREATE INDEX ON "own functions" (lower(x)) INCLUDE (c) WHERE c IS NOT NULL;'
        'INSERT INTO "own functions" DEFAULT VALUES',
        "INSERT INTO \"own functions\" (x) VALUES ('b')",
        indexes=2,
    ),
    "personal": Shape(
        "CREATE TABLE personal (id serial PRIMARY KEY, email text, number int NOT NULL,"
        " domain text GENERATED ALWAYS AS (split_part(email, '@', 2)) STORED);"
        "CREATE INDEX ON personal (id) INCLUDE (email); CREATE INDEX ON personal ((number + 1));"
        "CREATE INDEX ON personal (id) WHERE email IS NULL; CREATE INDEX ON personal (number);"
        "INSERT INTO personal (email, number) VALUES ('a@example.org', 1)",
        "INSERT INTO personal (email, number) VALUES ('b@example.org', 2)",
        {"columns": {"email": "exclude", "number": "pseudonymise"}},
        frozenset({"email", "domain", "number"}),
        indexes=2,
    ),
    "partitioned": Shape(
        "CREATE TABLE partitioned (id bigint PRIMARY KEY, x text) PARTITION BY RANGE (id);"
        "CREATE TABLE part_1 PARTITION OF partitioned FOR VALUES FROM (0) TO (100);"
        "CREATE TABLE part_2 PARTITION OF partitioned FOR VALUES FROM (100) TO (900);"
        "CREATE INDEX ON partitioned (x);"
        "INSERT INTO partitioned SELECT g, 'x' FROM generate_series(1, 150) AS g",
        "CREATE TABLE part_3 PARTITION OF partitioned FOR VALUES FROM (900) TO (1000);"
        "INSERT INTO partitioned VALUES (200, 'x'), (950, 'y')",
        indexes=2,
    ),
    "parent": Shape(
        "CREATE TABLE parent (id int PRIMARY KEY, x text);"
        "CREATE TABLE child (y int) INHERITS (parent);"
        "INSERT INTO parent VALUES (1, 'a'); INSERT INTO child VALUES (2, 'b', 3)",
        "INSERT INTO child VALUES (3, 'c', 4)",
    ),
    "ranges": Shape(
        "CREATE TYPE span AS RANGE (subtype = float8, multirange_type_name = spans);"
        'CREATE TABLE ranges (id serial PRIMARY KEY, a span, "B" spans, c span[]);'
        "INSERT INTO ranges (a, \"B\", c) VALUES ('[1,2)', '{[1,2),[3,)}', '{\"[1,2)\",NULL}')",
        "INSERT INTO ranges (a) VALUES ('empty')",
    ),
    "types that change": Shape(
        "CREATE DOMAIN small AS int CONSTRAINT small CHECK (VALUE < 10);"
        "CREATE TYPE pair AS (a int, b text);"
        'CREATE TABLE "types that change" (id serial PRIMARY KEY, s small, p pair);'
        "INSERT INTO \"types that change\" (s, p) VALUES (1, (1, 'x'))",
        "ALTER DOMAIN small DROP CONSTRAINT small;"
        "ALTER DOMAIN small ADD CONSTRAINT small CHECK (VALUE < 100);"
        "ALTER TYPE pair ADD ATTRIBUTE c int;"
        "INSERT INTO \"types that change\" (s, p) VALUES (50, (1, 'x', 3))",
    ),
    "keys that change": Shape(
        'CREATE TABLE "keys that change" (id int CONSTRAINT k PRIMARY KEY, x int NOT NULL UNIQUE,'
        " y int UNIQUE DEFERRABLE INITIALLY DEFERRED);"
        'INSERT INTO "keys that change" SELECT g, g, g FROM generate_series(1, 20) AS g',
        'ALTER TABLE "keys that change" DROP CONSTRAINT k, ADD CONSTRAINT k PRIMARY KEY (id, x);'
        'ALTER TABLE "keys that change" DROP CONSTRAINT "keys that change_x_key";'
        'INSERT INTO "keys that change" SELECT g, 1, 30 + g FROM generate_series(15, 25) AS g',
        {"replication_key": "id"},
        indexes=2,
    ),
    "a renamed wider key": Shape(
        'CREATE TABLE "a renamed wider key" (id int PRIMARY KEY, x text);'
        'INSERT INTO "a renamed wider key" SELECT g FROM generate_series(1, 2000) AS g',
        'ALTER TABLE "a renamed wider key" ALTER id TYPE bigint;'
        'ALTER TABLE "a renamed wider key" RENAME id TO number;'
        'INSERT INTO "a renamed wider key" VALUES (9007199254740993)',
    ),
    "another replication key": Shape(
        'CREATE TABLE "another replication key" (id int PRIMARY KEY, at date NOT NULL DEFAULT'
        " '2024-02-29'); INSERT INTO \"another replication key\" VALUES (1), (2)",
        'INSERT INTO "another replication key" VALUES (0)',
    ),
    "elsewhere.t": Shape(
        "CREATE SCHEMA elsewhere; CREATE TYPE elsewhere.mood AS ENUM ('other');"
        "CREATE TABLE elsewhere.t (id int PRIMARY KEY, mood elsewhere.mood);"
        "INSERT INTO elsewhere.t VALUES (1, 'other')",
        "INSERT INTO elsewhere.t VALUES (2, NULL)",
    ),
}


def policy(**more: dict) -> str:
    rules = {n: {"mode": "incremental", **s.rule} for n, s in SHAPES.items()}
    return yaml.safe_dump({"tables": rules | more})


@pytest.fixture(scope="module")
def pipe(servers: dict[str, Cluster], tmp_path_factory) -> Iterator[Pipe]:
    """All the tables after two nights."""
    folder: Path = tmp_path_factory.mktemp("shapes")
    lab = Lab(servers["wheel"], servers["wheel"], "shapes", folder).create()
    lab.policy(policy())
    pipe = Pipe(lab, {"batch_rows": 1000})
    for night in ("first", "second"):
        with lab.source() as source:
            for shape in SHAPES.values():
                for statement in getattr(shape, night).split(";"):
                    source.execute(statement)
                source.execute(f"COMMENT ON TABLE record IS 'of the {night} night'")
        pipe.load(PSEUDONYM_SECRET=SECRET)
        dated = {"mode": "incremental", "replication_key": "at"}
        lab.policy(policy(**{"another replication key": dated}))
    yield pipe
    lab.drop()


@pytest.mark.parametrize("name", SHAPES)
def test_two_nights_bring_the_rows_and_what_belongs_to_them(
    pipe: Pipe, name: str
) -> None:
    """F45."""
    schema, _, table = name.rpartition(".")
    there = f"{quote(schema or 'public')}.{quote(table)}"
    here = f"pix_incremental.{quote(table)}"
    with pipe.lab.source() as source, pipe.lab.warehouse() as warehouse:
        query = (
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND NOT attisdropped ORDER BY attnum"
        )
        names = [row[0] for row in source.execute(query, [there])]
        arrived = [row[0] for row in warehouse.execute(query, [here])]
        left = SHAPES[name].left & {"email", "domain"}
        assert arrived == [n for n in names if n not in left]
        same = ", ".join(
            f"{quote(n)}::text" for n in names if n not in SHAPES[name].left
        )
        rows = [
            sorted(side.execute(f"SELECT {same} FROM {t}").fetchall(), key=str)
            for side, t in ((source, there), (warehouse, here))
        ]
        assert rows[0] == rows[1]
        indexes = warehouse.execute(
            "SELECT count(*) FROM pg_index WHERE indrelid = %s::regclass", [here]
        ).fetchone()
        assert indexes == (SHAPES[name].indexes,)


def test_nothing_personal_arrives(pipe: Pipe) -> None:
    with pipe.lab.warehouse() as warehouse:
        rows = warehouse.execute("SELECT p::text FROM pix_incremental.personal AS p")
        text = str(rows.fetchall())
    assert "example.org" not in text
    assert "column domain is left out: it is computed from one" in pipe.log


def test_what_follows_is_said_and_the_definition_is_the_source_s(pipe: Pipe) -> None:
    with pipe.lab.warehouse() as warehouse:
        found = warehouse.execute(
            "SELECT obj_description('pix_incremental.record'::regclass),"
            " enum_range(NULL::pix_incremental.mood)::text,"
            " (SELECT array_agg(d ORDER BY d) FROM pg_constraint AS c,"
            " pg_get_constraintdef(c.oid) AS d WHERE conrelid ="
            " 'pix_incremental.\"keys that change\"'::regclass AND contype IN ('p', 'u')),"
            " (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid ="
            " 'pix_incremental.moods'::regclass)"
        ).fetchone()
    assert found == (
        "of the second night",
        '{low,"it\'s ok, public.mood",great}',
        ["PRIMARY KEY (id, x)", "UNIQUE (y) DEFERRABLE INITIALLY DEFERRED"],
        "'low'::pix_incremental.mood",
    )
    assert "key keys that change_x_key (x) is another one on the source" in pipe.log
    assert "the replication key is at now, no more id" in pipe.log


def test_an_audit_finds_no_difference(pipe: Pipe) -> None:
    status, output = pipe.lab.run("audit", "--all", PSEUDONYM_SECRET=SECRET)
    assert status == 0, output


def test_records_of_odd_columns(pipe: Pipe) -> None:
    """The same tables without COPY files."""
    lab = pipe.lab
    config = lab.folder / "records.json"
    config.write_text(json.dumps({"tables_file": lab.env["TABLES_FILE"]}))
    done = prepared.run(
        [sys.executable, "-m", "entrepot_tap_postgres", "--config", str(config)],
        env={**lab.env, "PSEUDONYM_SECRET": SECRET},
        capture_output=True,
        check=True,
    )
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    records = [m["record"] for m in messages if m["type"] == "RECORD"]
    odd = [record for record in records if "r_" in record]
    assert [(r["record"], r["r"]) for r in odd] == [("x", None), (None, "y")]
    assert b"example.org" not in done.stdout


def test_a_table_moved_from_full_to_incremental_and_back(empty_lab: Lab) -> None:
    """Nothing is audited that is copied whole, nor what has gone with its entry."""
    lab, pipe = empty_lab, Pipe(empty_lab)
    with lab.source() as source:
        source.execute(
            "CREATE TABLE moved (id int PRIMARY KEY); INSERT INTO moved VALUES (1)"
        )
    lab.night()
    lab.policy("tables: {moved: {mode: incremental}}")
    pipe.load()
    lab.night()
    with lab.warehouse(READER) as reader:
        assert reader.execute("SELECT count(*) FROM pix.moved").fetchone() == (1,)
    lab.policy("tables: {}")
    with lab.source() as source:
        source.execute("INSERT INTO moved VALUES (2); DELETE FROM moved WHERE id = 1")
    pipe.load()
    lab.night()
    status, output = lab.run("audit", "--all")
    assert status == 0, output
    with lab.warehouse(READER) as reader:
        assert reader.execute("SELECT id FROM pix.moved").fetchall() == [(2,)]
    lab.policy("tables: {moved: {mode: incremental}}")
    pipe.load()  # from before the bookmark, and what is gone there goes here
    pipe.assert_same("moved")
    assert lab.run("audit", "--all")[0] == 0


def test_numbers_that_go_down_and_streams_that_would_be_one(empty_lab: Lab) -> None:
    """F44, Z11."""
    with empty_lab.source() as source:
        source.execute(
            "CREATE TABLE down (id int GENERATED ALWAYS AS IDENTITY (INCREMENT -1) PRIMARY KEY)"
        )
        source.execute('CREATE SCHEMA a; CREATE TABLE a."b-c" (id int PRIMARY KEY)')
        source.execute('CREATE SCHEMA "a-b"; CREATE TABLE "a-b".c (id int PRIMARY KEY)')
    pipe = Pipe(empty_lab)
    empty_lab.policy("tables: {down: {mode: incremental}}")
    assert pipe.run()[0] == 1
    assert "the numbers of column id go down" in pipe.log
    empty_lab.policy("tables: {a.b-c: {mode: incremental}, a-b.c: {mode: incremental}}")
    assert pipe.run()[0] == 1
    assert "would both be stream a-b-c" in pipe.log
    assert "Traceback" not in pipe.log


@pytest.mark.parametrize(
    ("domains", "status"), [("ecospheres, cpf", 0), ("", 1), ("pxi", 2)]
)
def test_without_a_replica_the_tap_has_nothing_to_say(
    tmp_path: Path, domains: str, status: int
) -> None:
    """No stream, and no complaint about variables that it does not need."""
    done = prepared.run(
        [sys.executable, "-m", "entrepot_tap_postgres"],
        env={"DOMAINS": domains, "HOME": str(tmp_path), "BACKUP_MODE": "not even JSON"},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    if status == 0:
        assert done.stderr.count("\n") == 1
        assert "nothing to do" in done.stderr
