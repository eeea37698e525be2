"""Any tap's records through the target: types, keys, full loads, parts, and what goes wrong."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from singer_sdk.testing import get_target_test_class
from singer_sdk.testing.runners import TargetTestRunner

from entrepot_lab.meltano.target import SCHEMA, Loader, record, schema, state
from entrepot_lab.postgres.warehouse import READER, Lab
from entrepot_target_postgres.target import TargetPostgres


@pytest.fixture
def loader(empty_lab: Lab) -> Loader:
    return Loader(empty_lab)


# -- types

NATIVE: list[tuple[str, Any]] = [
    ("text", 'quo"te \\ \t tab \n line \r é 😀 NULL \\N'),
    ("text", ""),
    ("character varying(3)", "abc"),
    ("bigint", -(2**63)),
    ("numeric", Decimal("9" * 500 + "." + "1" * 400)),
    ("numeric(10,2)", Decimal("12.50")),
    ("numeric", "NaN"),
    ("double precision", "-Infinity"),
    ("real", Decimal("1.5")),
    ("boolean", False),
    ("date", "0044-03-15 BC"),
    ("date", "infinity"),
    ("timestamp without time zone", "2024-03-31 02:30:00.123456"),
    ("timestamp with time zone", "2024-03-31T02:30:00.123456+02:00"),
    ("time without time zone", "23:59:59.999999"),
    ("interval", "1 year -3 days 00:00:01"),
    ("uuid", "5b2a6f0e-6b0a-4b5e-9d8a-2f9f3a1c0d11"),
    ("jsonb", {"a": [1, None, "é\\u0041", {"b": "\"'"}]}),
    ("jsonb", "a text"),
    ("json", [1, 2]),
    ("text[]", ["a,b", 'q"', "{x}", "\\", "", "NULL", None, "é"]),
    ("integer[]", [[1, 2], [3, None]]),
    ("jsonb[]", [{"a": 1}, [1, 2]]),
    ("bytea", "\\x00ff5c"),
    ("inet", "10.0.0.1/8"),
    ("bit(3)", "101"),
    ("int4range", "[1,5)"),
    ("int4multirange", "{[1,3),[5,6)}"),
    ("tsvector", "'a':1 'b':2"),
    ("point", "(1,2)"),
    ("money", "$12.50"),
]


def test_every_value_arrives_as_postgresql_itself_would_read_it(loader: Loader) -> None:
    names = [f"c{number}" for number in range(len(NATIVE))]
    columns = {name: kind for name, (kind, _) in zip(names, NATIVE, strict=True)}
    values = {
        name: float(v) if kind == "real" else str(v) if isinstance(v, Decimal) else v
        for name, (kind, v) in zip(names, NATIVE, strict=True)
    }
    loader.load(
        [
            schema("all types", ["id"], id="integer", **columns),
            record("all types", id=1, **values),
            record("all types", id=2),
        ]
    )
    made = dict(
        loader.ask(
            "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute"
            f" WHERE attrelid = '{SCHEMA}.\"all types\"'::regclass AND attnum > 0"
        )
    )
    assert {name: made[name] for name in names} == columns
    with loader.lab.warehouse() as warehouse:
        for name, (kind, value) in zip(names, NATIVE, strict=True):
            literal = (
                json.dumps(value, ensure_ascii=False)
                if kind in ("json", "jsonb")
                else [json.dumps(each) for each in value]
                if kind == "jsonb[]"
                else value
            )
            row = warehouse.execute(
                f'SELECT a.{name}::text, %s::{kind}::text FROM {SCHEMA}."all types" AS a'
                " WHERE id = 1",
                [literal],
            ).fetchone()
            assert row[0] == row[1], kind
            if kind == "text":
                assert row[0] == value
    assert loader.ask(
        f'SELECT num_nulls({", ".join(names)}) FROM {SCHEMA}."all types" WHERE id = 2'
    ) == [(len(names),)]


def test_types_that_a_schema_does_not_name(loader: Loader) -> None:
    loader.load(
        [
            schema(
                "plain",
                [],
                text={"type": ["null", "string"]},
                whole={"type": "integer"},
                number={"type": ["number", "null"]},
                yes={"type": "boolean"},
                moment={"type": "string", "format": "date-time"},
                day={"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
                either={"type": ["integer", "string"]},
                tree={"type": "object"},
                items={"type": "array", "description": "Many things"},
                anything={},
            ),
            record(
                "plain",
                text="007",
                whole=2**60,
                number=0.1,
                yes=True,
                moment="2020-01-01T00:30:00Z",
                day="2020-02-29",
                either="x",
                tree={"a": {"b": []}},
                items=["NULL", None],
                anything=[1],
            ),
        ]
    )
    types = loader.ask(
        "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute"
        f" WHERE attrelid = '{SCHEMA}.plain'::regclass AND attnum > 0 ORDER BY attnum"
    )
    assert [kind for _, kind in types] == [
        *("text", "bigint", "numeric", "boolean", "timestamp with time zone", "date"),
        *("text", "jsonb", "jsonb", "jsonb"),
    ]
    assert loader.ask(f"SELECT number, tree ->> 'a', items FROM {SCHEMA}.plain") == [
        (Decimal("0.1"), '{"b": []}', ["NULL", None])
    ]
    assert loader.ask(f"SELECT col_description('{SCHEMA}.plain'::regclass, 9)") == [
        ("Many things",)
    ]


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("integer", "twelve", ["column a", "record 2", "SQLSTATE 22P02"]),
        ("text", "nul \0 byte", ["column a", "0x00"]),
        ("text", "half \ud83d pair", ["column a", "surrogate"]),
        ("character varying(3)", "four", ["column a", "SQLSTATE 22001"]),
    ],
)
def test_a_value_that_does_not_fit(
    loader: Loader, kind: str, value: Any, words: list[str]
) -> None:
    good = [schema("s", ["id"], id="integer", a=kind), record("s", id=1)]
    loader.refuse([*good, record("s", id=2, a=value)], "stream s", *words)
    assert loader.ask(f"SELECT count(*) FROM {SCHEMA}.s") == [(0,)]
    assert loader.states == []


def test_a_type_that_is_none_and_a_name_that_is_too_long(loader: Loader) -> None:
    loader.refuse([schema("s", [], a="txt")], "column a", "'txt'")
    loader.refuse([schema("s", [], **{"é" * 32: "text"})], "63 bytes")
    loader.refuse([schema("s", ["b"], a="text")], "key_properties b")


# -- upsert, append, state

USERS = schema("a-b.c D", ["id"], id="integer", name="text")


def test_a_later_record_replaces_an_earlier_one_and_names_stay_whole(
    loader: Loader,
) -> None:
    stream = USERS["stream"]
    loader.load(
        [
            USERS,
            *(record(stream, id=n % 7, name=str(n)) for n in range(100)),
            state(at=1),
            record(stream, id=100, name="late"),
            state(at=2),
        ],
        batch_size_rows=10,
    )
    rows = f'SELECT id, name FROM {SCHEMA}."a-b.c D" ORDER BY id'
    assert loader.ask(rows) == [
        *((n % 7, str(n)) for n in [98, 99, 93, 94, 95, 96, 97]),
        (100, "late"),
    ]
    assert loader.states[-1] == {"at": 2}
    loader.load([USERS, record(stream, id=3, name="again")])
    assert loader.ask(rows)[3] == (3, "again")
    assert loader.ask(rows, READER) == loader.ask(rows)


def test_no_state_passes_before_what_it_speaks_of(loader: Loader) -> None:
    stream = USERS["stream"]
    good, bad = record(stream, id=1), record(stream, id="x")
    loader.refuse([USERS, good, state(at=1), bad, state(at=2)], "column id")
    assert loader.states == []
    loader.refuse(
        [USERS, good, state(at=1), bad, state(at=2)], "column id", batch_size_rows=1
    )
    assert loader.states in ([{"at": 1}], [])
    assert loader.ask(f'SELECT id FROM {SCHEMA}."a-b.c D"') == [(1,)]


def test_appended_rows_stay(loader: Loader) -> None:
    messages = [USERS, record(USERS["stream"], id=1)]
    for _ in range(2):
        loader.load(messages, load_method="append-only")
    assert loader.ask(f'SELECT count(*) FROM {SCHEMA}."a-b.c D"') == [(2,)]


def test_a_schema_that_grows_and_one_that_bends(loader: Loader) -> None:
    loader.load(
        [schema("s", ["id"], id="integer", a="integer"), record("s", id=1, a=1)]
    )
    with loader.lab.warehouse() as warehouse:
        warehouse.execute(f"CREATE TABLE {SCHEMA}.kept AS SELECT 1 AS one")
    loader.load(
        [
            schema("s", ["id"], id="bigint", a="integer", b="text"),
            record("s", id=2**40, a=2, b="new"),
        ]
    )
    assert loader.ask(f"SELECT id, b FROM {SCHEMA}.s ORDER BY id") == [
        (1, None),
        (2**40, "new"),
    ]
    loader.refuse(
        [schema("s", ["id"], id="bigint", a="boolean")],
        f"{SCHEMA}.s",
        "column a is integer in the warehouse and boolean",
    )
    loader.load([schema("s", ["id"], id="bigint"), record("s", id=3)])


def test_lines_that_are_no_messages(loader: Loader) -> None:
    process = loader.start()
    out, err = process.communicate('{"type": "SCHEMA", "secret": "s3cr3t\n', timeout=60)
    assert (process.returncode, out) == (1, "")
    assert "line 1 of the tap's output is not JSON" in err
    assert "s3cr3t" not in err
    loader.refuse([record("unknown", id=1)], "unknown")


def test_files_of_records_and_of_copy(loader: Loader, tmp_path: Path) -> None:
    lines = b"".join(b'{"id": %d, "name": "n\\t%d"}\n' % (n, n) for n in range(5))
    records, rows = tmp_path / "records.gz", tmp_path / "rows copy"
    records.write_bytes(gzip.compress(lines))
    rows.write_bytes(b"7\tseven\n8\t\\N\n")
    stream = USERS["stream"]

    def batch(path: Path, **encoding: Any) -> dict[str, Any]:
        manifest = [f"file://{path}"]  # as the SDK spells it, spaces and all
        return {
            "type": "BATCH",
            "stream": stream,
            "encoding": encoding,
            "manifest": manifest,
        }

    jsonl = batch(records, format="jsonl", compression="gzip")
    copy = {"format": "pgcopy", "copy_format": "text", "columns": ["id", "name"]}
    loader.load(
        [USERS, record(stream, id=7, name="older"), jsonl, batch(rows, **copy, rows=2)]
    )
    assert loader.ask(f'SELECT id, name FROM {SCHEMA}."a-b.c D" ORDER BY id')[5:] == [
        (7, "seven"),
        (8, None),
    ]
    assert not rows.exists()
    rows.write_bytes(b"9\tnine\n")
    loader.refuse([USERS, batch(rows, **copy, rows=2)], "2 rows were announced")
    assert rows.exists()
    loader.refuse(
        [USERS, batch(rows, **copy, rows=1)],
        "stream_maps",
        stream_maps={stream: {"name": "'x'"}},
    )
    assert loader.ask(f'SELECT count(*) FROM {SCHEMA}."a-b.c D"') == [(7,)]


# -- the SDK's own suite


class TestSinger(get_target_test_class(TargetPostgres)):  # type: ignore[misc]
    """What the SDK expects of every target."""

    @pytest.fixture
    def runner(
        self, empty_lab: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[TargetTestRunner]:
        monkeypatch.setenv("TARGET_DATABASE_URL", empty_lab.warehouse_url())
        config = {"default_target_schema": "raw", "sanitize_null_text_characters": True}
        targets = []

        class Remembered(TargetPostgres):
            def __init__(self, **options: Any) -> None:
                super().__init__(**options)
                targets.append(self)

        yield TargetTestRunner(Remembered, config=config)
        # Some of the suite's messages end the target before it closes its sessions.
        for target in targets:
            target.close()


def test_the_url_may_come_from_meltanolabs_settings(loader: Loader) -> None:
    url = psycopg.conninfo.conninfo_to_dict(loader.lab.env.pop("TARGET_DATABASE_URL"))
    loader.load(
        [USERS, record(USERS["stream"], id=1)],
        host=url["host"],
        port=int(url["port"]),
        user=url["user"],
        password=url["password"],
        database=url["dbname"],
    )
