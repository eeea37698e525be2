"""Streams that replace their whole tables, all at once or not at all."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable

import pytest

from entrepot_lab.meltano.target import (
    SCHEMA,
    Loader,
    Messages,
    activate,
    record,
    schema,
    state,
)
from entrepot_lab.postgres.readers import Poller
from entrepot_lab.postgres.warehouse import READER, Lab


@pytest.fixture
def loader(empty_lab: Lab) -> Loader:
    return Loader(empty_lab)


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


def test_a_table_that_would_lose_most_of_its_rows_is_kept(loader: Loader) -> None:
    """Neither is any other of that load; `test_an_emptied_stream_…` is of small tables."""
    loader.load(full("first", 200), load_method="overwrite")
    loader.load(full("second", 101), load_method="overwrite")
    figures = f"table {SCHEMA}.one: 101 rows before, now 3"
    for variables in ({}, {"SHRINK_LIMIT": "96.5"}):
        loader.lab.env.update(variables)
        loader.refuse(
            full("third"), figures, "ACCEPT_SHRINK=true", load_method="overwrite"
        )
        assert loader.ask(NAMES) == [("second",)]
    loader.load(full("third"), load_method="overwrite", accept_shrink=True)
    loader.load(full("many", 100), load_method="overwrite")
    loader.lab.env["ACCEPT_SHRINK"] = "true"
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


# -- stock taps, which never say that a stream is complete

STOCK = {**schema("one", ["id"], id={"type": "integer"}, name={"type": "string"})}


def stock(name: str, *end: dict) -> Messages:
    """A stream of a tap of somebody else's, and how it ends."""
    rows = [record("one", id=n, name=name) for n in range(3)]
    for row in rows:
        del row["version"]
    return [STOCK, state(bookmarks={}), *rows, *end]


def test_a_stock_tap_is_believed_at_its_last_state(loader: Loader) -> None:
    names = f"SELECT DISTINCT name FROM {SCHEMA}.one"
    loader.load(stock("first", state(bookmarks={"one": {}})), load_method="overwrite")
    assert loader.states == [{"bookmarks": {"one": {}}}]
    under_way = [
        (),  # it died between two records
        (state(currently_syncing="one", bookmarks={}),),
        (state(bookmarks={"one": {"progress_markers": {"replication_key": "id"}}}),),
        (state(bookmarks={}), STOCK),
    ]
    for end in under_way:
        loader.refuse(
            stock("second", *end),
            "before it had said that it had sent all of one",
            "a STATE as its last message",
            load_method="overwrite",
        )
    # A tap that says so of one stream says so of all; ours always do.
    versions = [{**each, "version": 1} for each in stock("second", state())]
    loader.refuse(versions, "ACTIVATE_VERSION", load_method="overwrite")
    ours = [ONE, *stock("second", state())[1:]]
    loader.refuse(ours, "ACTIVATE_VERSION", load_method="overwrite")
    assert loader.ask(names) == [("first",)]
    loader.load(stock("second", state(bookmarks={})), load_method="overwrite")
    assert loader.ask(names) == [("second",)]
