"""A warehouse that an older release has worked in goes on with this one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psycopg

from entrepot_core.warehouse import migrate
from entrepot_lab.meltano.copied import copied
from entrepot_lab.meltano.nights import Project
from entrepot_lab.meltano.singer import Pipe
from entrepot_lab.postgres.warehouse import Lab
from entrepot_lab.sources import elearning

_ROOT = Path(__file__).resolve().parents[2]
_OLD = (_ROOT / "core/tests/data/entrepot_ops_0.1.0.sql").read_text()
# Everything but the example's rows.
_OLD_TABLES = _OLD.partition("\nINSERT INTO")[0]
_COPY = """
SELECT format('INSERT INTO entrepot_ops.%1$I (%2$s) OVERRIDING SYSTEM VALUE'
        ' SELECT %2$s FROM newer.%1$I', c.relname,
    string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum))
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'entrepot_ops'::regnamespace AND c.relkind = 'r'
GROUP BY c.oid, c.relname ORDER BY c.oid
"""
_NUMBERS = """
SELECT format('SELECT setval(%L, (SELECT max(%I) FROM %s))',
    pg_get_serial_sequence(c.oid::regclass::text, a.attname), a.attname, c.oid::regclass)
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attidentity <> ''
WHERE c.relnamespace = 'entrepot_ops'::regnamespace
"""


def make_old(session: psycopg.Connection) -> None:
    """Give the record the tables of the first release, with the rows that it has."""
    with session.transaction():
        session.execute("ALTER SCHEMA entrepot_ops RENAME TO newer")
        session.execute(_OLD_TABLES)
        for query in (_COPY, _NUMBERS):
            for (statement,) in session.execute(query).fetchall():
                session.execute(statement)
        session.execute("DROP SCHEMA newer CASCADE")


def test_everything_goes_on(lab: Lab) -> None:
    lab.policy("tables: {answers: {mode: incremental}}\n")
    pipe = Pipe(lab, {"batch_rows": 500})
    lab.night()
    pipe.load()
    assert lab.run("audit", "--all")[0] == 0
    project = Project(lab.folder / "project", dict(lab.env)).create()
    assert project.ops("nightly")[0] == 0
    with lab.warehouse() as session:
        make_old(session)
    newest = len(migrate.migrations())

    status, output = lab.run("check")
    assert status == 0, output
    assert f"has version 0: the next run brings it to {newest}" in output
    with lab.warehouse() as session:
        assert migrate.version(session) == 0, "a check changes nothing"

    with lab.source() as source:
        elearning.next_day(source)
        source.execute("UPDATE answers SET value = value || '!' WHERE id = 7")
    pipe.load()
    status, output = lab.run("audit", "--all")
    assert status == 4, output
    pipe.assert_same("answers")
    lab.night()
    status, output = lab.run("status", "--json")
    assert [run["command"] for run in json.loads(output)] == [
        *("run", "audit", "audit", "run")
    ]
    status, output = project.ops("nightly", "--fresh")
    assert status == 0, output
    assert project.last_night() == (2, "succeeded")
    status, output = project.ops("status", "--json")
    assert [night["night_id"] for night in json.loads(output)["nights"]] == [2, 1]
    assert project.ops("report")[0] == 0
    with lab.warehouse() as session:
        assert migrate.version(session) == newest


def test_a_newer_warehouse_is_refused_by_every_part(lab: Lab) -> None:
    lab.policy("tables: {answers: {mode: incremental}}\n")
    with lab.warehouse() as session:
        migrate.upgrade(session)
        session.execute(
            "INSERT INTO entrepot_ops.schema_version (number, name, who)"
            " VALUES (999, 'tomorrow', 'somebody')"
        )
    sentence = "has version 999"
    for verb in ("check", "run", "status", "drop-previous", "audit"):
        status, output = lab.run(verb)
        assert status == 2, (verb, output)
        assert sentence in output, verb
    project = Project(lab.folder / "project", dict(lab.env)).create()
    for verb in ("nightly", "status", "report"):
        status, output = project.ops(verb)
        assert status == 2, (verb, output)
        assert sentence in output, verb
    pipe = Pipe(lab)
    assert pipe.run()[1] == 2
    assert sentence in pipe.log
    build = subprocess.run(
        [Path(sys.executable).with_name("entrepot-dbt"), "build"],
        env={**lab.env, "MELTANO_PROJECT_ROOT": str(copied(lab.folder / "whole"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert build.returncode == 2
    assert sentence in build.stderr
