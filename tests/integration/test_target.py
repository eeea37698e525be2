"""Any tap's records through the target: types, keys, full loads, parts, and what goes wrong."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from singer_sdk.testing import get_target_test_class
from singer_sdk.testing.runners import TargetTestRunner

from entrepot_lab.postgres.readers import Poller
from entrepot_lab.postgres.warehouse import READER, Lab
from entrepot_lab.processes import prepared
from entrepot_target_postgres.target import TargetPostgres

Messages = list[dict[str, Any]]
SCHEMA = "raw_test"


class Loader:
    """The target, fed with messages."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.states: list[Any] = []
        self.output = ""

    def start(self, **settings: Any) -> subprocess.Popen[str]:
        config = self.lab.folder / "target.json"
        config.write_text(json.dumps({"default_target_schema": SCHEMA, **settings}))
        command = [sys.executable, "-m", "entrepot_target_postgres"]
        return prepared.Popen(
            [*command, "--config", str(config)],
            env=self.lab.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, messages: Messages, **settings: Any) -> int:
        process = self.start(**settings)
        lines = "".join(f"{json.dumps(each)}\n" for each in messages)
        out, self.output = process.communicate(lines, timeout=60)
        self.states = [json.loads(line) for line in out.splitlines()]
        assert "Traceback" not in self.output, self.output
        return process.returncode

    def load(self, messages: Messages, **settings: Any) -> None:
        assert self.run(messages, **settings) == 0, self.output

    def refuse(self, messages: Messages, *words: str, **settings: Any) -> None:
        assert self.run(messages, **settings) == 1, self.output
        for word in words:
            assert word in self.output, self.output

    def ask(self, query: str, user: str = "entrepot") -> list[tuple]:
        with self.lab.warehouse(user) as warehouse:
            return warehouse.execute(query).fetchall()


@pytest.fixture
def loader(empty_lab: Lab) -> Loader:
    return Loader(empty_lab)


def schema(stream: str, keys: list[str], **properties: Any) -> dict[str, Any]:
    """A SCHEMA message; a property may be given by its PostgreSQL type alone."""
    described = {
        name: {"x-postgres-type": each} if isinstance(each, str) else each
        for name, each in properties.items()
        if not name.startswith("x_")
    }
    more = {
        name.replace("_", "-"): value
        for name, value in properties.items()
        if name.startswith("x_")
    }
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"type": "object", "properties": described, **more},
        "key_properties": keys,
    }


def record(stream: str, **values: Any) -> dict[str, Any]:
    return {"type": "RECORD", "stream": stream, "record": values, "version": 1}


def activate(stream: str) -> dict[str, Any]:
    return {"type": "ACTIVATE_VERSION", "stream": stream, "version": 1}


def state(**value: Any) -> dict[str, Any]:
    return {"type": "STATE", "value": value}


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
        ("integer", "twelve", ["column a", "record 2", "invalid input syntax"]),
        ("text", "nul \0 byte", ["column a", "0x00"]),
        ("text", "half \ud83d pair", ["column a", "surrogate"]),
        ("character varying(3)", "four", ["column a", "too long"]),
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


# -- full loads

ONE = schema("one", ["id"], id="integer", name="text", x_unused=1)
TWO = schema("two", [], name={"type": "string", "description": "A name"})


def full(name: str, rows: int = 3) -> Messages:
    """Both streams, whole."""
    return [
        ONE,
        TWO,
        *(record("one", id=n, name=name) for n in range(rows)),
        *(record("two", name=name) for _ in range(rows)),
        activate("one"),
        activate("two"),
        state(done=name),
    ]


NAMES = (
    f"SELECT string_agg(DISTINCT name, ',') FROM"
    f" (SELECT name FROM {SCHEMA}.one UNION ALL SELECT name FROM {SCHEMA}.two) AS names"
)


def test_a_full_load_replaces_all_tables_at_once(loader: Loader) -> None:
    loader.load(full("first"), load_method="overwrite")
    with loader.lab.warehouse() as warehouse:
        warehouse.execute(f"CREATE VIEW public.shown AS SELECT name FROM {SCHEMA}.one")
        warehouse.execute(f"CREATE INDEX by_name ON {SCHEMA}.one (name)")
        warehouse.execute(f"GRANT SELECT (name) ON {SCHEMA}.two TO PUBLIC")
    with Poller(loader.lab.warehouse_url(READER), [NAMES], pause=0.002) as poller:
        for night in range(4):
            loader.load(full(f"night{night}", 500), load_method="overwrite")
            assert loader.states == [{"done": f"night{night}"}]
    poller.assert_undisturbed()
    assert poller.values(NAMES) <= {"first", *(f"night{n}" for n in range(4))}
    assert loader.ask("SELECT DISTINCT name FROM public.shown") == [("night3",)]
    assert loader.ask(
        f"SELECT indexname::text FROM pg_indexes WHERE schemaname = '{SCHEMA}' ORDER BY 1"
    ) == [("by_name",), ("one_pkey",)]
    assert loader.ask(
        f"SELECT col_description('{SCHEMA}.two'::regclass, 1),"
        f" has_column_privilege('public', '{SCHEMA}.two', 'name', 'SELECT')"
    ) == [("A name", True)]
    assert loader.ask(
        "SELECT count(*) FROM pg_tables WHERE schemaname LIKE '%loading%'"
    ) == [(0,)]


def test_an_emptied_stream_empties_its_table(loader: Loader) -> None:
    loader.load(full("first"), load_method="overwrite")
    loader.load(full("none", 0), load_method="overwrite")
    assert loader.ask(NAMES) == [(None,)]


def test_a_stream_may_refuse_to_be_emptied(loader: Loader) -> None:
    guarded = schema("one", ["id"], id="integer", name="text", x_refuse_empty=True)
    # Without rows before there are none to lose.
    for _ in range(2):
        loader.load([guarded, *full("none", 0)[1:]], load_method="overwrite")
    loader.load([guarded, *full("first")[1:]], load_method="overwrite")
    emptied = [guarded, TWO, record("two", name="second"), *full("second")[-3:]]
    loader.refuse(
        emptied,
        f"stream one is empty, and table {SCHEMA}.one is not",
        "no table has been replaced",
        load_method="overwrite",
    )
    assert loader.states == []
    assert loader.ask(NAMES) == [("first",)]
    loader.load([ONE, *emptied[1:]], load_method="overwrite")
    assert loader.ask(NAMES) == [("second",)]


def test_a_stream_has_the_indexes_that_it_names(loader: Loader) -> None:
    listed = (
        "SELECT regexp_replace(indexdef, '.* USING ', '') FROM pg_indexes"
        f" WHERE schemaname = '{SCHEMA}' AND tablename = 'one' ORDER BY 1"
    )

    def indexed(*names: list[str]) -> Messages:
        first = schema(
            "one", ["id"], id="integer", name="text", x_postgres_indexes=names
        )
        return [first, *full("first")[1:]]

    for _ in range(2):
        loader.load(indexed(["name"], ["name", "id"]), load_method="overwrite")
        assert loader.ask(listed) == [
            ("btree (id)",),
            ("btree (name)",),
            ("btree (name, id)",),
        ]
    loader.refuse(
        indexed(["nome"]),
        "stream one",
        "x-postgres-indexes",
        "nome",
        load_method="overwrite",
    )


def without(kind: str, stream: str) -> Callable[[Messages], Messages]:
    return lambda messages: [
        each
        for each in messages
        if not (each["type"] == kind and each.get("stream") == stream)
    ]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            without("ACTIVATE_VERSION", "two"),
            ["all of two", "no table has been replaced"],
        ),
        (lambda m: m[:5], ["all of one, two"]),
        (
            lambda m: [*m[:3], record("one", id=0, name="twice"), *m[3:]],
            ["one", "(id)"],
        ),
        (lambda m: [*m[:3], record("one", id="x"), *m[3:]], ["column id"]),
        (lambda m: [*m[:3], record("one", id=None), *m[3:]], ["one", "null"]),
    ],
)
def test_a_full_load_that_fails_changes_nothing(
    loader: Loader, spoil: Callable[[Messages], Messages], words: list[str]
) -> None:
    loader.load(full("first"), load_method="overwrite")
    loader.refuse(spoil(full("second")), *words, load_method="overwrite")
    assert loader.states == []
    assert loader.ask(NAMES) == [("first",)]
    loader.load(full("third"), load_method="overwrite")
    assert loader.ask(NAMES) == [("third",)]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_full_load_that_is_killed(loader: Loader, how: signal.Signals) -> None:
    loader.load(full("first"), load_method="overwrite")
    process = loader.start(load_method="overwrite", batch_size_rows=1)
    assert process.stdin is not None
    for message in full("second")[:5]:
        process.stdin.write(f"{json.dumps(message)}\n")
    process.stdin.flush()
    beside = f"SELECT count(*) FROM pg_tables WHERE schemaname = '{SCHEMA}_loading'"
    while loader.ask(beside) != [(2,)]:
        time.sleep(0.02)
    # A second load of the same tables meanwhile is refused, and harms nothing.
    assert loader.run(full("other"), load_method="overwrite") == 3
    assert "another load of table" in loader.output
    process.send_signal(how)
    process.communicate(timeout=30)
    assert process.returncode in (-how, 128 + how)
    assert loader.ask(NAMES) == [("first",)]
    loader.load(full("third"), load_method="overwrite")
    assert loader.ask(NAMES) == [("third",)]
    assert loader.ask(beside) == [(0,)]


def test_a_long_reader_holds_up_the_full_load_and_nobody_else(loader: Loader) -> None:
    loader.load(full("first"), load_method="overwrite")
    with loader.lab.warehouse(READER) as long:
        long.autocommit = False
        long.execute(f"SELECT FROM {SCHEMA}.one")
        process = loader.start(load_method="overwrite")
        assert process.stdin is not None
        process.stdin.write("".join(f"{json.dumps(m)}\n" for m in full("second")))
        process.stdin.close()
        with Poller(loader.lab.warehouse_url(READER), [NAMES]) as poller:
            time.sleep(3)
        poller.assert_undisturbed()
        assert poller.values(NAMES) == {"first"}
        long.rollback()
    process.stdin = None
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert loader.ask(NAMES) == [("second",)]


def test_a_table_that_others_hold_on_to_keeps_its_identity(loader: Loader) -> None:
    loader.load(full("first"), load_method="overwrite")
    with loader.lab.warehouse() as warehouse:
        warehouse.execute(
            f"CREATE MATERIALIZED VIEW public.held AS SELECT * FROM {SCHEMA}.one"
        )
    loader.load(full("second"), load_method="overwrite")
    assert "materialized view public.held" in loader.output
    assert loader.ask(NAMES) == [("second",)]
    assert loader.ask("SELECT DISTINCT name FROM public.held") == [("first",)]


# -- parts


def parts(*replaced: str, keys: list[str] | None = None) -> dict[str, Any]:
    return schema(
        "files",
        keys or [],
        file="text",
        value="integer",
        x_replace_by=["file"],
        x_replace=[[name] for name in replaced],
    )


def row(file: str, value: Any) -> dict[str, Any]:
    return record("files", file=file, value=value)


VALUES = f"SELECT file, value FROM {SCHEMA}.files ORDER BY 1, 2"


def test_a_part_is_replaced_removed_or_left(loader: Loader) -> None:
    done = activate("files")
    loader.load(
        [parts("a", "b", "c"), row("a", 1), row("a", 2), row("b", 3), row("c", 4), done]
    )
    assert loader.ask(VALUES) == [("a", 1), ("a", 2), ("b", 3), ("c", 4)]
    loader.load([parts("a", "b"), row("a", 5), done, state(files="ab")])
    assert loader.ask(VALUES) == [("a", 5), ("c", 4)]
    assert loader.states == [{"files": "ab"}]
    loader.load([parts(), done])
    assert loader.ask(VALUES) == [("a", 5), ("c", 4)]
    assert loader.ask(VALUES, READER) == loader.ask(VALUES)


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ([row("a", 5)], ["ended before", "files"]),
        ([row("z", 5), activate("files")], ["file 'z'", "x-replace"]),
        ([row("a", 4), activate("files")], ["(value)=(4)", "already exists"]),
        ([row("a", 6), row("a", 6), activate("files")], ["(value)=(6)"]),
        ([row("a", "x"), activate("files")], ["column value"]),
    ],
)
def test_parts_that_fail_change_nothing(
    loader: Loader, rest: Messages, words: list[str]
) -> None:
    keys = ["value"]
    first = [parts("a", "b", keys=keys), row("a", 1), row("b", 4), activate("files")]
    loader.load(first)
    loader.refuse([parts("a", keys=keys), *rest, state(at=1)], *words)
    assert loader.states == []
    assert loader.ask(VALUES) == [("a", 1), ("b", 4)]


def test_readers_of_parts_see_one_night_or_the_other(loader: Loader) -> None:
    count = f"SELECT count(*) FROM {SCHEMA}.files"
    many = [row("a", n) for n in range(3000)]
    loader.load([parts("a"), *many, activate("files")])
    with Poller(loader.lab.warehouse_url(READER), [count], pause=0.002) as poller:
        for _ in range(3):
            loader.load(
                [parts("a"), *many, activate("files"), state(a=1)], batch_size_rows=100
            )
    poller.assert_undisturbed()
    assert poller.values(count) == {3000}


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
