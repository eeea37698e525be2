"""An append table follows the source's, and what cannot follow is said."""

from __future__ import annotations

import time

import pytest

from entrepot_lab.faults.proxy import Proxy
from entrepot_lab.meltano.singer import Pipe
from entrepot_lab.postgres.warehouse import READER, Lab

NAME = "knowledge-elements"
HERE = f'pix_incremental."{NAME}"'


@pytest.fixture
def pipe(empty_lab: Lab) -> Pipe:
    """A table, loaded once, shown beside the replica, with studies on top of it."""
    with empty_lab.source() as source:
        source.execute(
            "CREATE TYPE mood AS ENUM ('sad', 'happy');"
            f'CREATE TABLE "{NAME}" (id serial PRIMARY KEY, "Count" integer,'
            " code varchar(5), old_name text, gone integer NOT NULL DEFAULT 1,"
            " strict text NOT NULL DEFAULT 'x', mood mood, flag text);"
            f'INSERT INTO "{NAME}" ("Count", code, old_name, mood)'
            " SELECT i, 'c', 'n' || i, 'sad' FROM generate_series(1, 50) AS i"
        )
    empty_lab.policy(f"tables: {{{NAME}: {{mode: incremental, lookback: 0}}}}")
    with empty_lab.warehouse() as warehouse:
        warehouse.execute("CREATE SCHEMA pix; CREATE SCHEMA studies")
    pipe = Pipe(empty_lab)
    pipe.load()
    with empty_lab.warehouse() as warehouse:
        warehouse.execute(
            "CREATE VIEW studies.counts WITH (security_barrier = true) AS"
            f' SELECT id, "Count" * 2 AS twice, old_name FROM pix."{NAME}";'
            "CREATE VIEW studies.total AS SELECT sum(twice) AS total FROM studies.counts;"
            "COMMENT ON VIEW studies.counts IS 'it''s twice';"
            "COMMENT ON COLUMN studies.counts.twice IS 'two times';"
            f"GRANT SELECT ON studies.total TO {READER};"
            f"GRANT SELECT (id) ON studies.counts TO {READER}"
        )
    return pipe


def types(lab: Lab) -> dict[str, str]:
    with lab.warehouse() as warehouse:
        return dict(
            warehouse.execute(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
                [HERE],
            ).fetchall()
        )


def test_columns_added_dropped_renamed_widened_and_loosened(pipe: Pipe) -> None:
    """F34, F45."""
    lab = pipe.lab
    with lab.source() as source:
        source.execute(
            f'ALTER TABLE "{NAME}" ALTER "Count" TYPE bigint, ALTER code TYPE varchar(9),'
            " DROP gone, ALTER strict DROP NOT NULL,"
            " ADD device text,"
            ' ADD half bigint GENERATED ALWAYS AS ("Count" / 2) STORED;'
            f'ALTER TABLE "{NAME}" ADD score integer NOT NULL DEFAULT 7;'
            f'ALTER TABLE "{NAME}" RENAME old_name TO "New Name";'
            "ALTER TYPE mood ADD VALUE 'ok' BEFORE 'happy'"
        )
        source.execute(
            f'INSERT INTO "{NAME}" ("Count", code, strict, mood, device)'
            " VALUES (3000000000, 'ninechars', NULL, 'ok', 'phone')"
        )
    pipe.load()
    found = types(lab)
    assert found["Count"] == "bigint"
    assert found["code"] == "character varying(9)"
    assert found["gone"] == "integer"
    assert "old_name" not in found
    with lab.source() as source, lab.warehouse() as warehouse:
        columns = (
            'id, "Count", code, "New Name", strict, mood::text, device, score, half'
        )
        there = source.execute(f'SELECT {columns} FROM "{NAME}" ORDER BY id').fetchall()
        here = warehouse.execute(f"SELECT {columns} FROM {HERE} ORDER BY id").fetchall()
        assert here == there
        gone = warehouse.execute(
            f"SELECT DISTINCT gone FROM {HERE} ORDER BY gone"
        ).fetchall()
        assert gone == [(1,), (None,)]
        labels = "SELECT enum_range(NULL::{}.mood)::text"
        assert (
            warehouse.execute(labels.format("pix_incremental")).fetchone()
            == source.execute(labels.format("public")).fetchone()
        )
        # The replica's view shows what is new under its new name.
        shown = warehouse.execute(f'SELECT "New Name", score FROM pix."{NAME}"')
        assert len(shown.fetchall()) == 51
        # Studies are as they were, over the wider column.
        assert warehouse.execute(
            "SELECT pg_typeof(twice)::text, (SELECT total FROM studies.total),"
            " obj_description('studies.counts'::regclass),"
            " col_description('studies.counts'::regclass, 2)"
            " FROM studies.counts LIMIT 1"
        ).fetchone() == ("bigint", 6_000_002_550, "it's twice", "two times")
        warehouse.execute(f"GRANT USAGE ON SCHEMA studies TO {READER}")
    with lab.warehouse(READER) as reader:
        assert reader.execute("SELECT total FROM studies.total").fetchone()
        assert len(reader.execute("SELECT id FROM studies.counts").fetchall()) == 51
    for words in (
        "column old_name is now called New Name",
        "column Count is now bigint",
        "made again: pix.knowledge-elements, studies.counts, studies.total",
        "the source has no column gone any more",
        "column device added (text); NULL in the rows",
        "column score added (integer); the source's default in the rows",
    ):
        assert words in pipe.log
    status, output = lab.run("audit", "--all")
    assert status == 0, output


def test_columns_narrowed_or_of_another_type_are_refused(pipe: Pipe) -> None:
    """F34."""
    with pipe.lab.source() as source:
        source.execute(
            f'ALTER TABLE "{NAME}" ALTER "Count" TYPE smallint,'
            " ALTER old_name TYPE integer USING 1, ADD device text"
        )
    before = types(pipe.lab)
    assert pipe.run()[1] == 1
    assert (
        f"table {NAME}: column Count is integer in the warehouse and smallint on the source;"
        " column old_name is text in the warehouse and integer on the source"
        in pipe.log
    )
    assert "drop it to have it loaded again" in pipe.log
    assert types(pipe.lab) == before
    assert "Traceback" not in pipe.log


def test_what_cannot_be_made_again_is_named_and_kept(pipe: Pipe) -> None:
    with pipe.lab.warehouse() as warehouse:
        warehouse.execute(
            "CREATE MATERIALIZED VIEW studies.stored AS SELECT * FROM studies.counts"
        )
    with pipe.lab.source() as source:
        source.execute(
            f'ALTER TABLE "{NAME}" ALTER "Count" TYPE bigint, ADD device text'
        )
    before = types(pipe.lab)
    assert pipe.run()[1] == 1
    assert "studies.stored (of entrepot) depends on table" in pipe.log
    assert types(pipe.lab) == before
    with pipe.lab.warehouse() as warehouse:
        assert warehouse.execute("SELECT count(*) FROM studies.total").fetchone() == (
            1,
        )


def test_a_table_that_has_gone_or_has_another_name(pipe: Pipe) -> None:
    """F45."""
    with pipe.lab.source() as source:
        source.execute(f'ALTER TABLE "{NAME}" RENAME TO "knowledge-items"')
    assert pipe.run()[0] == 1
    assert f"there is no table '{NAME}'. Did you mean 'knowledge-items'?" in pipe.log
    status, output = pipe.lab.run("audit")
    assert status == 2, output
    assert f"the source has no table {NAME} any more" in output


def test_a_deploy_goes_first_and_its_column_arrives_the_same_night(pipe: Pipe) -> None:
    """Production waits for a table that is read no longer than it is told to."""
    lab = pipe.lab
    with lab.source() as source:
        source.execute(
            f"INSERT INTO \"{NAME}\" (flag) SELECT repeat('x', 100)"
            " FROM generate_series(1, 20000)"
        )
    with Proxy("127.0.0.1", lab.source_server.port) as proxy:
        proxy.throttle(700_000)
        pipe.settings |= {"lock_budget": 0.5, "batch_rows": 2000}
        tap, target = pipe.start(SOURCE_DATABASE_URL=lab.source_url(proxy.port))
        with lab.source() as deploy:
            wait_for_files(lab)
            deploy.execute("SET lock_timeout = '10s'")
            deploy.execute(f"ALTER TABLE \"{NAME}\" ADD device text DEFAULT 'phone'")
            proxy.pass_all()
        assert pipe.finish(tap, target) == (0, 0), pipe.log
    assert "had waited 0.5 s for a lock" in pipe.log
    assert "the source's table has just changed" in pipe.log
    pipe.assert_same(NAME)


def test_a_snapshot_is_not_held_for_longer_than_its_limit(pipe: Pipe) -> None:
    """F10."""
    lab = pipe.lab
    with lab.source() as source:
        source.execute(
            f"INSERT INTO \"{NAME}\" (flag) SELECT repeat('x', 100)"
            " FROM generate_series(1, 20000)"
        )
    with Proxy("127.0.0.1", lab.source_server.port) as proxy:
        proxy.throttle(700_000)
        pipe.settings |= {"snapshot_limit": 1, "batch_rows": 1000}
        pipe.load(SOURCE_DATABASE_URL=lab.source_url(proxy.port))
        assert "held for its limit of 1 s" in pipe.log
        pipe.assert_same(NAME)
        with lab.source() as source:
            source.execute(
                f"INSERT INTO \"{NAME}\" (flag) SELECT repeat('x', 100)"
                " FROM generate_series(1, 20000)"
            )
        # A limit within which nothing can be read is not tried for ever.
        pipe.settings |= {"batch_rows": 1_000_000}
        assert pipe.run(SOURCE_DATABASE_URL=lab.source_url(proxy.port))[0] == 1
    assert "3 times without a file read meanwhile" in pipe.log
    pipe.settings.pop("snapshot_limit")
    pipe.load()
    pipe.assert_same(NAME)


def wait_for_files(lab: Lab) -> None:
    """Wait until a file of this run is loaded."""
    with lab.warehouse() as warehouse:
        while warehouse.execute(f"SELECT count(*) <= 50 FROM {HERE}").fetchone() == (
            True,
        ):
            time.sleep(0.05)
